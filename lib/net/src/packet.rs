// SPDX-License-Identifier: BSD-2-Clause
//! A request to send from a buffer or to receive into it, and the answer.
//!
//! | word | what |
//! |---|---|
//! | 0 | op, length << 32 |
//! | 1 | offset |

use molt_queue::{PROPERTIES_WORDS, Payload};

use crate::buffers::{BUFFER, Buffers};
use crate::offload::HEADER;
use crate::properties::Properties;

/// What a buffer is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Op {
    /// The frame in the buffer is to be sent.
    Send,
    /// The next frame for this client is to be stored in the buffer.
    #[default]
    Receive,
}

/// One buffer of the region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// What it is for.
    pub op: Op,
    /// Where it begins, in bytes from the start of the region; a multiple of 8.
    pub offset: u64,
    /// Bytes of header and frame; for receiving, the room for both.
    pub len: u32,
}

impl Packet {
    /// Whether the buffer lies in a region of `bytes` bytes, behind the ring.
    pub fn is_inside(&self, bytes: usize) -> bool {
        let end = self.offset.checked_add(self.len.into());
        self.offset >= Buffers::START as u64 && end.is_some_and(|end| end <= bytes as u64)
    }
}

/// A buffer that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is not aligned to 8 bytes, or ends beyond `u64::MAX`.
    Offset,
    /// It has no room for a header and a byte, or is longer than a buffer.
    Length,
}

/// The answer to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The frame was given to the device, or to the clients that it was for.
    Sent,
    /// The frame was not sent, or nothing will be received.
    Dropped,
    /// A frame was received: its bytes, header included.
    Received(u32),
}

impl Payload for Packet {
    const WORDS: usize = 2;
    const FAILED: Answer = Answer::Dropped;
    type Answer = Answer;
    type Malformed = Malformed;
    type Properties = Properties;

    fn check(&self) -> Result<(), Malformed> {
        if !self.offset.is_multiple_of(8) || self.offset.checked_add(self.len.into()).is_none() {
            return Err(Malformed::Offset);
        }
        match self.len as usize {
            len if len > HEADER && len <= BUFFER => Ok(()),
            _ => Err(Malformed::Length),
        }
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    fn words(&self, mut word: impl FnMut(usize, u64)) {
        let op = match self.op {
            Op::Send => 1,
            Op::Receive => 2,
        };
        word(0, op | u64::from(self.len) << 32);
        word(1, self.offset);
    }

    fn read(&mut self, word: impl Fn(usize) -> u64) -> Option<()> {
        let head = word(0);
        self.op = match head as u32 {
            1 => Op::Send,
            2 => Op::Receive,
            _ => return None,
        };
        self.len = (head >> 32) as u32;
        self.offset = word(1);
        self.check().ok()
    }

    fn answer_to_word(answer: Answer) -> u64 {
        match answer {
            Answer::Sent => 1,
            Answer::Dropped => 2,
            Answer::Received(len) => 3 | u64::from(len) << 32,
        }
    }

    fn answer_from_word(word: u64) -> Option<Answer> {
        match (word as u32, (word >> 32) as u32) {
            (1, 0) => Some(Answer::Sent),
            (2, 0) => Some(Answer::Dropped),
            (3, len) => Some(Answer::Received(len)),
            _ => None,
        }
    }

    fn properties_to_words(properties: &Properties) -> [u64; PROPERTIES_WORDS] {
        properties.to_words()
    }

    fn properties_from_words(words: [u64; PROPERTIES_WORDS]) -> Properties {
        Properties::from_words(words)
    }
}
