// SPDX-License-Identifier: BSD-2-Clause
//! The driver's side: takes requests and completes them.

use core::marker::PhantomData;
use core::sync::atomic::AtomicU64;

use crate::layout::{
    self, COMPLETED, COMPLETED_EVENT, GENERATION, PROPERTIES, Region, SLOTS, START, SUBMITTED,
    SUBMITTED_EVENT,
};
use crate::payload::Payload;
use crate::violation::Violation;

/// A request that was taken. It cannot be copied, so that it is completed only once.
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
pub struct Server<'a, P> {
    region: Region<'a>,
    generation: u64,
    taken: u64,
    completed: u64,
    /// The completion index at the last call of [`Server::must_notify`].
    told: u64,
    /// Bit n: slot n is in service.
    busy: u64,
    violated: bool,
    payload: PhantomData<fn() -> P>,
}

impl<'a, P: Payload> Server<'a, P> {
    /// The server of generation `generation`. There is nothing to take until the client has opened the
    /// queue for it.
    pub const fn new(words: &'a [AtomicU64], generation: u64) -> Self {
        Self {
            region: Region(words),
            generation,
            taken: START,
            completed: START,
            told: START,
            busy: 0,
            violated: false,
            payload: PhantomData,
        }
    }

    /// Publishes the device's properties to the client. Call it before the generation reports that it is ready.
    pub fn publish(&self, properties: &P::Properties) {
        for (n, word) in P::properties_to_words(properties).into_iter().enumerate() {
            self.region.store(PROPERTIES + 1 + n, word);
        }
        self.region.release(PROPERTIES, 1);
    }

    /// Takes the next request into `request`, checked by [`Payload::check`]. After `None` the client notifies when there is
    /// another one. After a violation nothing more can be taken; what was taken may still be completed.
    pub fn take(&mut self, request: &mut P) -> Option<Result<SlotId, Violation>> {
        if self.violated {
            return None;
        }
        let next = self.next_request(request).transpose()?;
        self.violated = next.is_err();
        Some(next)
    }

    /// Answers the request. Afterwards [`Self::must_notify`] tells whether the client is to be notified.
    ///
    /// # Errors
    /// [`NotTaken`] if the slot comes from another server; nothing is done then.
    pub fn complete(&mut self, slot: SlotId, answer: P::Answer) -> Result<(), NotTaken> {
        let bit = 1 << (slot.0 % SLOTS as u8);
        if self.busy & bit == 0 {
            return Err(NotTaken);
        }
        self.busy &= !bit;
        let at = layout::completion(self.completed);
        self.region
            .store(at, layout::completed(slot.0, self.generation));
        self.region.store(at + 1, P::answer_to_word(answer));
        self.completed = self.completed.wrapping_add(1);
        self.region.release(COMPLETED, self.completed);
        Ok(())
    }

    /// Whether the client wants to be notified of what was completed since the last call.
    pub fn must_notify(&mut self) -> bool {
        let old = core::mem::replace(&mut self.told, self.completed);
        self.region.must_notify(COMPLETED_EVENT, old, self.told)
    }

    /// How many are taken and not completed.
    pub fn in_service(&self) -> usize {
        self.busy.count_ones() as usize
    }

    fn next_request(&mut self, request: &mut P) -> Result<Option<SlotId>, Violation> {
        let region = self.region;
        if region.acquire(GENERATION) != self.generation.wrapping_add(1) {
            return Ok(None);
        }
        if region.acquire(SUBMITTED) == self.taken
            && !region.arm(SUBMITTED_EVENT, SUBMITTED, self.taken)
        {
            return Ok(None);
        }
        let waiting = region.acquire(SUBMITTED).wrapping_sub(self.taken);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > (SLOTS - self.in_service()) as u64 {
            return Err(Violation::Index);
        }
        let slot = region.load(layout::submission(self.taken));
        let slot = u8::try_from(slot)
            .ok()
            .filter(|slot| usize::from(*slot) < SLOTS);
        let slot = slot.ok_or(Violation::Identifier)?;
        if self.busy & 1 << slot != 0 {
            return Err(Violation::Busy { slot });
        }
        let at = layout::slot::<P>(slot);
        let payload = region.payload::<P>(at);
        request
            .read(|place| payload.load(place))
            .ok_or(Violation::Contents { slot })?;
        region.store(at, self.generation.wrapping_add(1));
        self.busy |= 1 << slot;
        self.taken = self.taken.wrapping_add(1);
        Ok(Some(SlotId(slot)))
    }
}
