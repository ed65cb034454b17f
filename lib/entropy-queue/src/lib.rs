// SPDX-License-Identifier: BSD-2-Clause
//! The payload of the queue (`molt-queue`) for sources of entropy: a [`Request`] to fill a part of the client's memory
//! with random bytes, and the [`Answer`].
//!
//! A request can be carried out twice without harm, since the bytes are only overwritten. So requests that a driver leaves
//! behind are submitted to the next generation, like a disk's reads.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use molt_queue::{PROPERTIES_WORDS, Payload};

pub use molt_queue::{SlotId, Token, Violation, layout};

#[cfg(test)]
mod tests;

/// The client's side of a queue.
pub type Client<'a> = molt_queue::Client<'a, Request>;
/// The driver's side.
pub type Server<'a> = molt_queue::Server<'a, Request>;

/// The most bytes of one request, so that none delays the others for long.
pub const MAX: u32 = 4096;

/// A part of the client's memory that is to be filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// In bytes from the start of the client's memory region.
    pub offset: u64,
    /// In bytes, from 1 to [`MAX`].
    pub len: u32,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The number of bytes that were written, from the request's first on: at least one, and at most as many as requested.
    Filled(u32),
    /// No driver will serve it. A driver never gives this answer: a source of entropy waits until it has some bytes.
    Failed,
}

/// A request that is inconsistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Its length is 0, or more than [`MAX`].
    Length,
    /// It ends beyond `u64::MAX`.
    Offset,
}

impl Payload for Request {
    /// Offset, length.
    const WORDS: usize = 2;
    const FAILED: Answer = Answer::Failed;
    type Answer = Answer;
    type Malformed = Malformed;
    type Properties = ();

    fn check(&self) -> Result<(), Malformed> {
        if !(1..=MAX).contains(&self.len) {
            return Err(Malformed::Length);
        }
        let end = self.offset.checked_add(self.len.into());
        end.map(drop).ok_or(Malformed::Offset)
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    fn words(&self, mut word: impl FnMut(usize, u64)) {
        word(0, self.offset);
        word(1, self.len.into());
    }

    fn read(&mut self, word: impl Fn(usize) -> u64) -> Option<()> {
        self.offset = word(0);
        self.len = word(1).try_into().ok()?;
        self.check().ok()
    }

    fn may_end_with(&self, answer: Answer) -> bool {
        matches!(answer, Answer::Filled(len) if len <= self.len)
    }

    fn answer_to_word(answer: Answer) -> u64 {
        match answer {
            Answer::Filled(len) => len.into(),
            Answer::Failed => 0,
        }
    }

    fn answer_from_word(word: u64) -> Option<Answer> {
        let len = u32::try_from(word).ok()?;
        Some(match len {
            0 => Answer::Failed,
            len => Answer::Filled(len),
        })
    }

    fn properties_to_words((): &()) -> [u64; PROPERTIES_WORDS] {
        [0; PROPERTIES_WORDS]
    }

    fn properties_from_words(_: [u64; PROPERTIES_WORDS]) {}
}
