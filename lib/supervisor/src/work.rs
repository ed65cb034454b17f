// SPDX-License-Identifier: BSD-2-Clause
//! Long work in short steps: lending an arena to `stage`, taking over a generation that was built, clearing an arena.
//!
//! A step takes about [`SLICE_US`]. Between two steps the same time is left to everything else.
//!
//! The workshop holds what one generation is built of: while an arena is lent, others wait for their turn.

use crate::books::Books;
use crate::time::Clock;
use crate::unit::{Unit, pages};
use crate::{Kernel, Result, Slot};
use heapless::Vec;
use molt_system::cspace::{WORKSHOP_REST, WORKSHOP_TCB};
use molt_system::{Arena, MAX_COMPONENTS};

/// Length of a step in us.
pub const SLICE_US: u64 = 25;

/// The work on an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its untypeds are moved to the workshop.
    Lend,
    /// Its untypeds are moved back, and then every capability that `stage` has made; these are in the workshop below `slots`.
    TakeOver {
        /// The first slot that `stage` reports as unused.
        slots: u32,
    },
    /// Its firmware is mapped into the generation that has the device.
    Show,
    /// That is undone.
    Hide,
    /// Its untypeds are moved back if they are lent, and each is revoked.
    Clear,
}

/// A piece of long work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The component.
    pub unit: usize,
    /// Its arena.
    pub arena: u8,
    /// What is done with it.
    pub kind: Kind,
    next: u32,
    /// The last operation has failed once.
    failed: bool,
}

/// What has to be done, in order.
#[derive(Default)]
pub struct Work {
    jobs: Vec<Job, { 4 * MAX_COMPONENTS }>,
}

impl Work {
    /// Adds a job at the end.
    pub fn add(&mut self, unit: usize, arena: u8, kind: Kind) {
        // No machine has more than two jobs under way, so there is room.
        let _ = self.jobs.push(Job {
            unit,
            arena,
            kind,
            next: 0,
            failed: false,
        });
    }

    /// Whether an arena is being cleared, or is to be.
    pub fn clears(&self) -> bool {
        self.jobs.iter().any(|job| job.kind == Kind::Clear)
    }

    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether there is anything that can be done now. `builds_for`: see [`crate::stage::Stage::builds_for`].
    pub fn is_due(&self, units: &[Unit<'_>], builds_for: Option<usize>) -> bool {
        self.next(units, builds_for).is_some()
    }

    /// The first job that need not wait. A component's own are done in order.
    fn next(&self, units: &[Unit<'_>], builds_for: Option<usize>) -> Option<usize> {
        self.jobs.iter().enumerate().position(|(n, job)| {
            let mut earlier = self.jobs.iter().take(n);
            !earlier.any(|other| other.unit == job.unit) && !job.waits(units, builds_for)
        })
    }

    /// Does one step. Returns a job that is done with it.
    pub fn step<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        units: &mut [Unit<'m>],
        books: &mut Books,
        clock: &Clock,
        builds_for: Option<usize>,
    ) -> Option<(Job, Result)> {
        let next = self.next(units, builds_for)?;
        let job = self.jobs.get_mut(next)?;
        let end = clock.us(kernel) + SLICE_US;
        loop {
            let state = units
                .get_mut(job.unit)
                .map_or(Ok(true), |unit| job.advance(kernel, unit, books));
            if state.is_err() && !job.failed {
                // Errors are not expected. The operation is tried once more.
                job.failed = true;
                job.next -= 1;
                continue;
            }
            job.failed = false;
            if state != Ok(false) {
                return Some((self.jobs.remove(next), state.map(|_| ())));
            }
            if clock.us(kernel) >= end {
                return None;
            }
        }
    }
}

impl Job {
    /// Whether it is to wait until the workshop is free.
    fn waits(&self, units: &[Unit<'_>], builds_for: Option<usize>) -> bool {
        let mut others = units.iter().enumerate();
        self.kind == Kind::Lend
            && others.any(|(unit, other)| {
                unit != self.unit && (other.build.in_workshop() || builds_for == Some(unit))
            })
    }

    /// Moves or revokes one capability. Returns whether it was the last.
    fn advance<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        unit: &mut Unit<'m>,
        books: &mut Books,
    ) -> Result<bool> {
        let component = unit.plan;
        let Some(plan) = component.arenas.get(usize::from(self.arena)) else {
            return Ok(true);
        };
        let number = unit.arena_number(self.arena);
        let n = self.next;
        self.next += 1;
        match self.kind {
            Kind::Lend => {
                unit.build.set_lent(self.arena, true);
                lend(kernel, plan, n)?;
                Ok(n + 1 >= plan.count)
            }
            Kind::TakeOver { slots } => {
                if n < plan.count {
                    take_back(kernel, plan, n)?;
                } else {
                    // The generation's capabilities go to its arena's part of the vault, one after the other.
                    let index = n - plan.count;
                    let from = Slot::Workshop(WORKSHOP_TCB + index);
                    let to = Slot::Vault(books.arena(number).after(index));
                    kernel.relocate(to, from)?;
                }
                let built = slots
                    .saturating_sub(WORKSHOP_TCB)
                    .max(WORKSHOP_REST - WORKSHOP_TCB);
                let last = n + 1 >= plan.count + built;
                unit.build.set_lent(self.arena, !last);
                Ok(last)
            }
            Kind::Show => unit.show_page(kernel, books, self.arena, n),
            Kind::Hide => unit.transfer.hide_page(kernel, books),
            // The copies must be deleted while they are known to be copies: their slots are given back.
            Kind::Clear if unit.transfer.shows(self.arena) => {
                unit.transfer.hide_page(kernel, books)?;
                self.next = n;
                Ok(false)
            }
            Kind::Clear => {
                pages(&mut unit.control, self.arena).disconnect(kernel, books)?;
                if unit.build.lent(self.arena) {
                    // It fails for an untyped that has not been lent yet, which is no error.
                    let _ = take_back(kernel, plan, n);
                }
                kernel.revoke(plan.first.after(n))?;
                if n + 1 >= plan.count {
                    unit.build.set_lent(self.arena, false);
                }
                Ok(n + 1 >= plan.count)
            }
        }
    }
}

fn lend<'m>(kernel: &impl Kernel<'m>, arena: &Arena, n: u32) -> Result {
    kernel.relocate(Slot::Workshop(n), Slot::Vault(arena.first.after(n)))
}

fn take_back<'m>(kernel: &impl Kernel<'m>, arena: &Arena, n: u32) -> Result {
    kernel.relocate(Slot::Vault(arena.first.after(n)), Slot::Workshop(n))
}
