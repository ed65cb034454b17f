// SPDX-License-Identifier: BSD-2-Clause
//! The payload of the queue (`molt-queue`) for sensors: a [`Request`] to read one, and the [`Answer`], which has the value.
//!
//! The answer is in the completion, so a client needs no memory for it. Reading a sensor changes nothing, so requests that a
//! driver leaves behind are submitted to the next generation.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod window;

use core::convert::Infallible;

use molt_queue::{PROPERTIES_WORDS, Payload};

pub use molt_queue::{SlotId, Token, Violation, layout};

#[cfg(test)]
mod tests;

/// The client's side of a queue.
pub type Client<'a> = molt_queue::Client<'a, Request>;
/// The driver's side.
pub type Server<'a> = molt_queue::Server<'a, Request>;

/// The sensor that is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its number at the controller.
    pub sensor: u32,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The value, in the sensor's own unit.
    Value(u32),
    /// The controller has no such sensor.
    Absent,
    /// The controller has the sensor and could not read it.
    Faulty,
    /// No driver will serve it. A driver never gives this answer.
    Failed,
}

/// The kinds of answers that have no value, in the upper half of an answer's word.
const ABSENT: u32 = 1;
const FAULTY: u32 = 2;
const FAILED: u32 = 3;

impl Payload for Request {
    /// The sensor.
    const WORDS: usize = 1;
    const FAILED: Answer = Answer::Failed;
    type Answer = Answer;
    /// Every number may be asked for.
    type Malformed = Infallible;
    type Properties = ();

    fn check(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    fn words(&self, mut word: impl FnMut(usize, u64)) {
        word(0, self.sensor.into());
    }

    fn read(&mut self, word: impl Fn(usize) -> u64) -> Option<()> {
        self.sensor = word(0).try_into().ok()?;
        Some(())
    }

    fn may_end_with(&self, answer: Answer) -> bool {
        answer != Answer::Failed
    }

    /// The value in the lower half, the kind in the upper one.
    fn answer_to_word(answer: Answer) -> u64 {
        let kind = match answer {
            Answer::Value(value) => return value.into(),
            Answer::Absent => ABSENT,
            Answer::Faulty => FAULTY,
            Answer::Failed => FAILED,
        };
        u64::from(kind) << 32
    }

    fn answer_from_word(word: u64) -> Option<Answer> {
        let (kind, value) = ((word >> 32) as u32, word as u32);
        match (kind, value) {
            (0, value) => Some(Answer::Value(value)),
            (ABSENT, 0) => Some(Answer::Absent),
            (FAULTY, 0) => Some(Answer::Faulty),
            (FAILED, 0) => Some(Answer::Failed),
            _ => None,
        }
    }

    fn properties_to_words((): &()) -> [u64; PROPERTIES_WORDS] {
        [0; PROPERTIES_WORDS]
    }

    fn properties_from_words(_: [u64; PROPERTIES_WORDS]) {}
}
