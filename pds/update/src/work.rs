// SPDX-License-Identifier: BSD-2-Clause
//! Long work in short steps: lending an arena to `stage`, taking a built generation over, ending one.
//!
//! A step takes about [`SLICE_US`]; between two steps everybody else has as long.

use heapless::Deque;
use molt_system::cspace::{WORKSHOP_REST, WORKSHOP_TCB};
use molt_system::{Arena, MAX_COMPONENTS};
use sel4::Result;

use crate::books::Books;
use crate::time::Clock;
use crate::unit::Unit;
use crate::vault;

/// Length of a step in us.
pub const SLICE_US: u64 = 25;

/// What is being done with an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its untypeds go to the workshop.
    Lend,
    /// They come back, and then every capability of what was built; these are in the workshop below `slots`.
    TakeOver {
        /// As `stage` said.
        slots: u32,
    },
    /// They come back if they are lent, and each is revoked.
    Clear,
}

/// A piece of long work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    pub unit: usize,
    pub arena: u8,
    pub kind: Kind,
    next: u32,
}

/// What has to be done, in order.
#[derive(Default)]
pub struct Work {
    jobs: Deque<Job, { 4 * MAX_COMPONENTS }>,
}

impl Work {
    /// Adds a job at the end.
    pub fn add(&mut self, unit: usize, arena: u8, kind: Kind) {
        // No machine has more than two jobs under way: there is room.
        let _ = self.jobs.push_back(Job {
            unit,
            arena,
            kind,
            next: 0,
        });
    }

    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Does one step. Returns a job that is done with it.
    pub fn step(
        &mut self,
        units: &mut [Unit],
        books: &Books,
        clock: &Clock,
    ) -> Option<(Job, Result<()>)> {
        let job = self.jobs.front_mut()?;
        let end = clock.us() + SLICE_US;
        loop {
            let state = units
                .get_mut(job.unit)
                .map_or(Ok(true), |unit| job.advance(unit, books));
            if state != Ok(false) {
                let done = self.jobs.pop_front()?;
                return Some((done, state.map(|_| ())));
            }
            if clock.us() >= end {
                return None;
            }
        }
    }
}

impl Job {
    /// One capability. Returns whether that was the last.
    fn advance(&mut self, unit: &mut Unit, books: &Books) -> Result<bool> {
        let Some(plan) = unit.plan.arenas.get(usize::from(self.arena)) else {
            return Ok(true);
        };
        let number = unit.arena_number(self.arena);
        let Some(state) = unit.arenas.get_mut(usize::from(self.arena)) else {
            return Ok(true);
        };
        let n = self.next;
        self.next += 1;
        match self.kind {
            Kind::Lend => {
                state.lent = true;
                lend(plan, n)?;
                Ok(n + 1 >= plan.count)
            }
            Kind::TakeOver { slots } => {
                if n < plan.count {
                    take_back(plan, n)?;
                    state.lent = n + 1 < plan.count;
                } else {
                    // What a generation is made of, side by side in its arena's part of the vault.
                    let index = n - plan.count;
                    let from = vault::workshop(WORKSHOP_TCB + index);
                    let to = vault::place(books.arena(number).after(index));
                    vault::move_to(&to, &from)?;
                }
                let built = slots
                    .saturating_sub(WORKSHOP_TCB)
                    .max(WORKSHOP_REST - WORKSHOP_TCB);
                Ok(n + 1 >= plan.count + built)
            }
            Kind::Clear => {
                if state.lent {
                    // The one that `stage` has not been lent yet is here: that is no error.
                    let _ = take_back(plan, n);
                }
                vault::revoke(plan.first.after(n))?;
                if n + 1 >= plan.count {
                    state.lent = false;
                }
                Ok(n + 1 >= plan.count)
            }
        }
    }
}

fn lend(arena: &Arena, n: u32) -> Result<()> {
    vault::move_to(&vault::workshop(n), &vault::place(arena.first.after(n)))
}

fn take_back(arena: &Arena, n: u32) -> Result<()> {
    vault::move_to(&vault::place(arena.first.after(n)), &vault::workshop(n))
}
