// SPDX-License-Identifier: BSD-2-Clause
//! The region's layout, in words of 64 bits.
//!
//! | words | written by | what |
//! |---|---|---|
//! | 0 | client | the generation that the queue is open for, plus 1; 0: none |
//! | 1 | client | submission index: counts submissions, from [`START`] |
//! | 2 | client | it is to be notified when the completion index goes beyond this |
//! | 8 | server | completion index, likewise |
//! | 9 | server | it is to be notified when the submission index goes beyond this |
//! | 10 | server | 1: the properties are there |
//! | 11..16 | server | properties of the device ([`crate::Payload::Properties`]) |
//! | 16..80 | client | submission ring: slot number |
//! | 80..208 | server | completion ring, two words each: slot and generation << 16 (low 48 bits); the answer |
//! | 208.. | | 64 slots, each: |
//! | +0 | server | the generation that took it, plus 1; 0: none |
//! | +1.. | client | the payload's words |
//!
//! No side publishes how far it has read: a slot is used again only after its completion has
//! been taken, so no ring ever holds more than 64 entries.
#![allow(missing_docs, reason = "the table above says it")]

use core::sync::atomic::{AtomicU64, Ordering, fence};

use crate::payload::Payload;

/// How many requests a queue holds.
pub const SLOTS: usize = 64;

/// The first value of both indices. They wrap around early, so that every run tests it.
pub const START: u64 = u64::MAX - 31;

pub const GENERATION: usize = 0;
pub const SUBMITTED: usize = 1;
pub const COMPLETED_EVENT: usize = 2;
pub const COMPLETED: usize = 8;
pub const SUBMITTED_EVENT: usize = 9;
pub const PROPERTIES: usize = 10;
pub const SUBMISSIONS: usize = 16;
pub const COMPLETIONS: usize = SUBMISSIONS + SLOTS;
pub const SLOT: usize = COMPLETIONS + 2 * SLOTS;

/// The whole layout in words.
pub const fn words<P: Payload>() -> usize {
    SLOT + SLOTS * (1 + P::WORDS)
}

/// The region. Words beyond its end read as zeros, so a region that is too short is a queue that
/// is open for no generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region<'a>(pub &'a [AtomicU64]);

impl<'a> Region<'a> {
    /// Reads with `Acquire`: for indices and the generation.
    pub fn acquire(&self, word: usize) -> u64 {
        self.0
            .get(word)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Writes with `Release`: after the words that the index or generation announces.
    pub fn release(&self, word: usize, value: u64) {
        if let Some(word) = self.0.get(word) {
            word.store(value, Ordering::Release);
        }
    }

    pub fn load(&self, word: usize) -> u64 {
        self.0
            .get(word)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    }

    pub fn store(&self, word: usize, value: u64) {
        if let Some(word) = self.0.get(word) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// The payload's words of the slot that begins at word `at`.
    pub fn payload<P: Payload>(&self, at: usize) -> Self {
        Self(self.0.get(at + 1..at + 1 + P::WORDS).unwrap_or(&[]))
    }

    /// Asks, by word `event`, to be notified when the index in word `index` goes beyond `seen`. Returns whether it already
    /// has.
    pub fn arm(&self, event: usize, index: usize, seen: u64) -> bool {
        self.store(event, seen);
        // The other side writes its index and then reads word `event` (`must_notify`); this side does it in the other order.
        fence(Ordering::SeqCst);
        self.acquire(index) != seen
    }

    /// Whether an index that went from `old` to `new` has passed the one in word `event`, so that the other side wants to be
    /// notified.
    pub fn must_notify(&self, event: usize, old: u64, new: u64) -> bool {
        if old == new {
            return false;
        }
        fence(Ordering::SeqCst);
        let wish = self.load(event);
        new.wrapping_sub(wish).wrapping_sub(1) < new.wrapping_sub(old)
    }
}

/// Where the submission ring's entry of index `index` is.
pub const fn submission(index: u64) -> usize {
    SUBMISSIONS + (index % SLOTS as u64) as usize
}

/// Where the completion ring's entry of index `index` is; the answer is in the next word.
pub const fn completion(index: u64) -> usize {
    COMPLETIONS + 2 * (index % SLOTS as u64) as usize
}

/// The first word of a completion ring's entry.
pub const fn completed(slot: u8, generation: u64) -> u64 {
    slot as u64 | generation << 16
}

/// The first word of `slot`.
pub fn slot<P: Payload>(slot: u8) -> usize {
    SLOT + usize::from(slot) * (1 + P::WORDS)
}
