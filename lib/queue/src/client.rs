// SPDX-License-Identifier: BSD-2-Clause
//! The client's side: submits requests, and keeps the record of those that it is owed.

use core::sync::atomic::AtomicU64;

use crate::layout::{
    self, COMPLETED, COMPLETED_EVENT, GENERATION, PROPERTIES, Region, SLOTS, START, SUBMITTED,
    SUBMITTED_EVENT,
};
use crate::payload::Payload;
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
pub enum SubmitError<M> {
    /// 64 are owed; after the next completion there is room.
    Full,
    /// The request contradicts itself; no server would take it.
    Malformed(M),
}

/// The private record of the requests that are owed. [`Client::owed`] says which of its slots are in use.
#[derive(Debug, Default)]
struct Owed<P> {
    serial: u64,
    request: P,
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

/// The client's side of a queue. It is large (64 requests): keep it in a static or on a heap, not on a small stack.
#[derive(Debug)]
pub struct Client<'a, P: Payload> {
    region: Region<'a>,
    state: State,
    submitted: u64,
    /// The submission index at the last call of [`Client::must_notify`].
    told: u64,
    completed: u64,
    next_serial: u64,
    /// Bit n: slot n is owed.
    owed: u64,
    record: [Owed<P>; SLOTS],
}

impl<'a, P: Payload> Client<'a, P> {
    /// A closed client of the region `words`, which is not touched before [`Self::resume`].
    pub fn new(words: &'a [AtomicU64]) -> Self {
        Self {
            region: Region(words),
            state: State::Closed,
            submitted: START,
            told: START,
            completed: START,
            next_serial: 0,
            owed: 0,
            record: core::array::from_fn(|_| Owed::default()),
        }
    }

    /// Opens the queue for `generation`: writes the region anew from the private record, in
    /// submission order, whatever it contained before. The driver is to be notified afterwards.
    pub fn resume(&mut self, generation: u64) {
        let region = self.region;
        region.release(GENERATION, 0);
        (self.submitted, self.completed) = (START, START);
        region.store(COMPLETED, START);
        region.store(COMPLETED_EVENT, START);
        let mut left = self.owed;
        while let Some(slot) = self.oldest(left) {
            left &= !(1 << slot);
            self.write(slot);
        }
        self.told = self.submitted;
        region.release(SUBMITTED, self.submitted);
        self.state = State::Open(generation.wrapping_add(1));
        region.release(GENERATION, generation.wrapping_add(1));
    }

    /// Closes the queue: the region is not touched any more. Completions that were not polled are lost, and
    /// their requests stay owed.
    pub fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Closes the queue for good: the region is not touched any more, and [`Self::poll`] completes what is owed, and what is
    /// submitted later, with [`Payload::FAILED`], in submission order.
    pub fn fail(&mut self) {
        self.state = State::Failed;
    }

    /// Whether [`Self::fail`] was called.
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether the queue is open, without a violation.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Records the request and, if the queue is open, submits it; otherwise [`Self::resume`] does. Afterwards
    /// [`Self::must_notify`] tells whether the driver is to be notified.
    ///
    /// # Errors
    /// [`SubmitError`]; then nothing was recorded.
    #[inline(always)]
    pub fn submit(&mut self, request: &P) -> Result<Token, SubmitError<P::Malformed>> {
        request.check().map_err(SubmitError::Malformed)?;
        let slot = self.owed.trailing_ones() as usize;
        let owed = self.record.get_mut(slot).ok_or(SubmitError::Full)?;
        let serial = self.next_serial;
        owed.serial = serial;
        owed.request.copy_from(request);
        self.next_serial += 1;
        self.owed |= 1 << slot;
        if self.is_open() {
            self.write(slot);
            self.region.release(SUBMITTED, self.submitted);
        }
        // SLOTS is 64.
        let slot = slot as u8;
        Ok(Token { serial, slot })
    }

    /// Whether the driver wants to be notified of what was submitted since the last call.
    pub fn must_notify(&mut self) -> bool {
        let old = core::mem::replace(&mut self.told, self.submitted);
        self.is_open() && self.region.must_notify(SUBMITTED_EVENT, old, self.told)
    }

    /// The next completion. After `None` the driver notifies when there is another one. After a violation the queue is
    /// closed: the caller reports it and waits for the next generation.
    pub fn poll(&mut self) -> Option<Result<(Token, P::Answer), Violation>> {
        match self.next_completion().transpose()? {
            Ok(completion) => Some(Ok(completion)),
            Err(violation) => {
                self.state = State::Closed;
                Some(Err(violation))
            }
        }
    }

    /// Takes back the oldest of the owed requests that `which` selects, while the queue is not open: it is not owed any more,
    /// and no later generation sees it. (An earlier one may have served it.)
    pub fn withdraw(&mut self, which: impl Fn(&P) -> bool) -> Option<Token> {
        if self.is_open() {
            return None;
        }
        let chosen = (self.record.iter().enumerate())
            .filter(|(slot, owed)| self.owed >> slot & 1 == 1 && which(&owed.request))
            .fold(0, |chosen, (slot, _)| chosen | 1 << slot);
        let slot = self.oldest(chosen)?;
        self.owed &= !(1 << slot);
        let serial = self.record.get(slot)?.serial;
        let slot = slot as u8;
        Some(Token { serial, slot })
    }

    /// The request that had this slot last, which was completed or is owed; `None`: there is no such slot.
    pub fn request(&self, slot: usize) -> Option<&P> {
        self.record.get(slot).map(|owed| &owed.request)
    }

    /// How many requests are owed.
    pub fn owed(&self) -> usize {
        self.owed.count_ones() as usize
    }

    /// The device's properties as the driver has published them; `None` before that, or while the queue is closed.
    pub fn properties(&self) -> Option<P::Properties> {
        let there = self.is_open() && self.region.acquire(PROPERTIES) == 1;
        let word = |n| self.region.load(PROPERTIES + 1 + n);
        there.then(|| P::properties_from_words(core::array::from_fn(word)))
    }

    fn next_completion(&mut self) -> Result<Option<(Token, P::Answer)>, Violation> {
        let open = match self.state {
            State::Closed => return Ok(None),
            State::Open(open) => open,
            State::Failed => return Ok(self.next_failure()),
        };
        let region = self.region;
        let completed = region.acquire(COMPLETED);
        if completed == self.completed && !region.arm(COMPLETED_EVENT, COMPLETED, completed) {
            return Ok(None);
        }
        let completed = region.acquire(COMPLETED);
        let own = (region.load(GENERATION), region.load(SUBMITTED));
        if own != (open, self.submitted)
            || completed.wrapping_sub(self.completed) > self.owed() as u64
        {
            return Err(Violation::Index);
        }
        if completed == self.completed {
            return Ok(None);
        }
        let at = layout::completion(self.completed);
        let (entry, answer) = (region.load(at), region.load(at + 1));
        let slot = entry as u8;
        let owed = self.record.get(usize::from(slot));
        let owed = owed.ok_or(Violation::Identifier)?;
        if entry >> 16 != open.wrapping_sub(1) & 0xffff_ffff_ffff {
            return Err(Violation::Generation);
        }
        let answer = P::answer_from_word(answer).ok_or(Violation::Status)?;
        if self.owed >> slot & 1 == 0 {
            return Err(Violation::NotOwed { slot });
        }
        if !owed.request.may_end_with(answer) {
            return Err(Violation::Status);
        }
        let at = layout::slot::<P>(slot);
        if region.load(at) != open {
            return Err(Violation::NotTaken { slot });
        }
        let payload = region.payload::<P>(at);
        let mut same = true;
        owed.request
            .words(|place, value| same &= payload.load(place) == value);
        if !same {
            return Err(Violation::Contents { slot });
        }
        let serial = owed.serial;
        self.owed &= !(1 << slot);
        self.completed = self.completed.wrapping_add(1);
        Ok(Some((Token { serial, slot }, answer)))
    }

    fn next_failure(&mut self) -> Option<(Token, P::Answer)> {
        let slot = self.oldest(self.owed)?;
        self.owed &= !(1 << slot);
        let serial = self.record.get(slot)?.serial;
        let slot = slot as u8;
        Some((Token { serial, slot }, P::FAILED))
    }

    /// Among the slots whose bits are set, the one with the oldest request.
    fn oldest(&self, mut slots: u64) -> Option<usize> {
        let mut oldest: Option<(u64, usize)> = None;
        while slots != 0 {
            let slot = slots.trailing_zeros() as usize;
            slots &= slots - 1;
            let serial = self.record.get(slot)?.serial;
            if oldest.is_none_or(|(least, _)| serial < least) {
                oldest = Some((serial, slot));
            }
        }
        oldest.map(|(_, slot)| slot)
    }

    /// Writes slot and ring entry; the index is published by the caller.
    #[inline(always)]
    fn write(&mut self, slot: usize) {
        let Some(owed) = self.record.get(slot) else {
            return;
        };
        let at = layout::slot::<P>(slot as u8);
        self.region.store(at, 0);
        let payload = self.region.payload::<P>(at);
        owed.request
            .words(|place, value| payload.store(place, value));
        self.region
            .store(layout::submission(self.submitted), slot as u64);
        self.submitted = self.submitted.wrapping_add(1);
    }
}
