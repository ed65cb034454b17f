// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's side: submits, and knows what it is owed.

use core::sync::atomic::AtomicU64;

use crate::layout::{
    self, COMPLETED, COMPLETIONS, GENERATION, Region, SLOTS, START, SUBMISSIONS, SUBMITTED,
};
use crate::properties::Properties;
use crate::request::{Malformed, Request, Status};
use crate::violation::Violation;

/// A request that was submitted. Serial numbers rise and are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    serial: u64,
    slot: u8,
}

impl Token {
    /// The number of the request, from 0 in submission order.
    pub const fn serial(self) -> u64 {
        self.serial
    }

    /// A number below 64 that no other request has until this one is completed: an index for
    /// what the caller keeps about it.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// Why a request was not submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// 64 are owed; after the next completion there is room.
    Full,
    /// The request contradicts itself; no server would take it.
    Malformed(Malformed),
}

/// What is owed: the private record.
#[derive(Clone, Debug)]
struct Owed {
    serial: u64,
    request: Request,
}

/// What becomes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// They are recorded.
    Closed,
    /// They are in the region, whose word 0 has to hold this.
    Open(u64),
    /// They fail: nobody will serve them.
    Failed,
}

/// The client's side of a queue. About 20 KiB: better in a static than on a small stack.
#[derive(Debug)]
pub struct Client<'a> {
    region: Region<'a>,
    state: State,
    submitted: u64,
    completed: u64,
    next_serial: u64,
    owed: [Option<Owed>; SLOTS],
}

impl<'a> Client<'a> {
    /// A closed client of the region `words`, which is not touched before [`Self::resume`].
    pub const fn new(words: &'a [AtomicU64]) -> Self {
        Self {
            region: Region(words),
            state: State::Closed,
            submitted: START,
            completed: START,
            next_serial: 0,
            owed: [const { None }; SLOTS],
        }
    }

    /// Opens the queue for `generation`: writes the region anew from the private record, in
    /// submission order. Whatever stood in it does not matter. The driver is to be notified afterwards.
    pub fn resume(&mut self, generation: u64) {
        let region = self.region;
        region.release(GENERATION, 0);
        (self.submitted, self.completed) = (START, START);
        region.store(COMPLETED, START);
        let mut last = None;
        while let Some(slot) = self.oldest_after(last) {
            last = self.owed[slot].as_ref().map(|owed| owed.serial);
            self.write(slot);
        }
        region.release(SUBMITTED, self.submitted);
        self.state = State::Open(generation.wrapping_add(1));
        region.release(GENERATION, generation.wrapping_add(1));
    }

    /// Leaves the region alone from now on. Completions that were not polled are not seen any more;
    /// their requests stay owed.
    pub fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Leaves the region alone from now on: [`Self::poll`] completes what is owed, and what is submitted later, with
    /// [`Status::IoError`], in submission order.
    pub fn fail(&mut self) {
        self.state = State::Failed;
    }

    /// Does everything fail?
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Is the queue open, and not in violation?
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Records the request and, if the queue is open, submits it; else resume does. The driver is to be
    /// notified afterwards.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was recorded.
    pub fn submit(&mut self, request: &Request) -> Result<Token, SubmitError> {
        request.check().map_err(SubmitError::Malformed)?;
        let slot = self.owed.iter().position(Option::is_none);
        let slot = slot.ok_or(SubmitError::Full)?;
        let serial = self.next_serial;
        self.next_serial += 1;
        self.owed[slot] = Some(Owed {
            serial,
            request: request.clone(),
        });
        if self.is_open() {
            self.write(slot);
            self.region.release(SUBMITTED, self.submitted);
        }
        // SLOTS is 64.
        let slot = slot as u8;
        Ok(Token { serial, slot })
    }

    /// The next completion. After a violation the queue is as if closed: the caller reports it and
    /// waits for the next generation.
    pub fn poll(&mut self) -> Option<Result<(Token, Status), Violation>> {
        match self.next_completion().transpose()? {
            Ok(completion) => Some(Ok(completion)),
            Err(violation) => {
                self.state = State::Closed;
                Some(Err(violation))
            }
        }
    }

    /// How many requests are owed.
    pub fn owed(&self) -> usize {
        self.owed.iter().flatten().count()
    }

    /// What the driver says of the disk; `None` before it has, or while closed.
    pub fn properties(&self) -> Option<Properties> {
        self.is_open()
            .then(|| Properties::read(self.region))
            .flatten()
    }

    fn next_completion(&mut self) -> Result<Option<(Token, Status)>, Violation> {
        let open = match self.state {
            State::Closed => return Ok(None),
            State::Open(open) => open,
            State::Failed => return Ok(self.next_failure()),
        };
        let region = self.region;
        let completed = region.acquire(COMPLETED);
        if completed == self.completed {
            return Ok(None);
        }
        let own = (region.load(GENERATION), region.load(SUBMITTED));
        if own != (open, self.submitted)
            || completed.wrapping_sub(self.completed) > self.owed() as u64
        {
            return Err(Violation::Index);
        }
        let entry = region.load(layout::entry(COMPLETIONS, self.completed));
        let slot = entry as u8;
        let owed = self.owed.get_mut(usize::from(slot));
        let owed = owed.ok_or(Violation::Identifier)?;
        if entry >> 16 != open.wrapping_sub(1) & 0xffff_ffff_ffff {
            return Err(Violation::Generation);
        }
        let status = layout::status(entry).ok_or(Violation::Status)?;
        let record = owed.as_ref().ok_or(Violation::NotOwed { slot })?;
        let at = layout::slot(slot);
        if region.load(at + layout::SLOT_TAKEN) != open {
            return Err(Violation::NotTaken { slot });
        }
        if layout::encode(&record.request).any(|(word, value)| region.load(at + word) != value) {
            return Err(Violation::Contents { slot });
        }
        let serial = record.serial;
        *owed = None;
        self.completed = self.completed.wrapping_add(1);
        Ok(Some((Token { serial, slot }, status)))
    }

    fn next_failure(&mut self) -> Option<(Token, Status)> {
        let slot = self.oldest_after(None)?;
        let serial = self.owed.get_mut(slot)?.take()?.serial;
        let slot = slot as u8;
        Some((Token { serial, slot }, Status::IoError))
    }

    /// The slot of the oldest request that is younger than the one numbered `last`.
    fn oldest_after(&self, last: Option<u64>) -> Option<usize> {
        let serials = self.owed.iter().enumerate();
        serials
            .filter_map(|(slot, owed)| Some((owed.as_ref()?.serial, slot)))
            .filter(|(serial, _)| last.is_none_or(|last| *serial > last))
            .min()
            .map(|(_, slot)| slot)
    }

    /// Writes slot and ring entry; the index is published by the caller.
    fn write(&mut self, slot: usize) {
        let Some(owed) = self.owed.get(slot).and_then(Option::as_ref) else {
            return;
        };
        let at = layout::slot(slot as u8);
        self.region.store(at + layout::SLOT_TAKEN, 0);
        for (word, value) in layout::encode(&owed.request) {
            self.region.store(at + word, value);
        }
        let entry = layout::entry(SUBMISSIONS, self.submitted);
        self.region.store(entry, slot as u64);
        self.submitted = self.submitted.wrapping_add(1);
    }
}
