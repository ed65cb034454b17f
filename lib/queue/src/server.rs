// SPDX-License-Identifier: BSD-2-Clause
//! The driver's side: takes requests and completes them.

use core::sync::atomic::AtomicU64;

use crate::layout::{
    self, COMPLETED, COMPLETIONS, GENERATION, Region, SLOTS, START, SUBMISSIONS, SUBMITTED,
};
use crate::properties::Properties;
use crate::request::{Request, Status};
use crate::violation::Violation;

/// A request that was taken and is to be completed, once: it cannot be copied.
#[derive(Debug, PartialEq, Eq)]
pub struct SlotId(u8);

impl SlotId {
    /// Its number, below 64.
    pub fn index(&self) -> usize {
        self.0.into()
    }
}

/// The slot was not taken from this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTaken;

/// The server's side of a queue.
#[derive(Debug)]
pub struct Server<'a> {
    region: Region<'a>,
    generation: u64,
    taken: u64,
    completed: u64,
    /// Bit n: slot n is in service.
    busy: u64,
    violated: bool,
}

impl<'a> Server<'a> {
    /// The server of generation `generation`. There is nothing to take until the client has opened the
    /// queue for it.
    pub const fn new(words: &'a [AtomicU64], generation: u64) -> Self {
        Self {
            region: Region(words),
            generation,
            taken: START,
            completed: START,
            busy: 0,
            violated: false,
        }
    }

    /// Tells the client what the disk can do; best before saying ready.
    pub fn publish(&self, properties: &Properties) {
        properties.publish(self.region);
    }

    /// The next request, checked in itself (see [`Request::check`]). After a violation there is
    /// nothing more to take; what was taken may still be completed.
    pub fn take(&mut self) -> Option<Result<(SlotId, Request), Violation>> {
        if self.violated {
            return None;
        }
        let next = self.next_request().transpose()?;
        self.violated = next.is_err();
        Some(next)
    }

    /// Answers the request. The client is to be notified afterwards.
    ///
    /// # Errors
    /// [`NotTaken`] if the slot comes from another server; nothing is done then.
    pub fn complete(&mut self, slot: SlotId, status: Status) -> Result<(), NotTaken> {
        let bit = 1 << (slot.0 % SLOTS as u8);
        if self.busy & bit == 0 {
            return Err(NotTaken);
        }
        self.busy &= !bit;
        let entry = layout::completion(slot.0, status, self.generation);
        let at = layout::entry(COMPLETIONS, self.completed);
        self.region.store(at, entry);
        self.completed = self.completed.wrapping_add(1);
        self.region.release(COMPLETED, self.completed);
        Ok(())
    }

    /// How many are taken and not completed.
    pub fn in_service(&self) -> usize {
        self.busy.count_ones() as usize
    }

    fn next_request(&mut self) -> Result<Option<(SlotId, Request)>, Violation> {
        let region = self.region;
        if region.acquire(GENERATION) != self.generation.wrapping_add(1) {
            return Ok(None);
        }
        let waiting = region.acquire(SUBMITTED).wrapping_sub(self.taken);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > (SLOTS - self.in_service()) as u64 {
            return Err(Violation::Index);
        }
        let slot = region.load(layout::entry(SUBMISSIONS, self.taken));
        let slot = u8::try_from(slot)
            .ok()
            .filter(|slot| usize::from(*slot) < SLOTS);
        let slot = slot.ok_or(Violation::Identifier)?;
        if self.busy & 1 << slot != 0 {
            return Err(Violation::Busy { slot });
        }
        let at = layout::slot(slot);
        let request = layout::decode(region, at).ok_or(Violation::Contents { slot })?;
        region.store(at + layout::SLOT_TAKEN, self.generation.wrapping_add(1));
        self.busy |= 1 << slot;
        self.taken = self.taken.wrapping_add(1);
        Ok(Some((SlotId(slot), request)))
    }
}
