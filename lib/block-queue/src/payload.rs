// SPDX-License-Identifier: BSD-2-Clause
//! How a disk request is encoded in the words of a queue slot.
//!
//! | word | what |
//! |---|---|
//! | 0 | op, count of segments << 8, sectors << 32 |
//! | 1 | sector |
//! | 2.. | segments: offset, length |

use molt_queue::{PROPERTIES_WORDS, Payload};

use crate::properties::Properties;
use crate::request::{Malformed, Op, Request, SEGMENTS, Segment, Status};

const HEAD: usize = 0;
const SECTOR: usize = 1;
const DATA: usize = 2;

impl Payload for Request {
    const WORDS: usize = DATA + 2 * SEGMENTS;
    const FAILED: Status = Status::IoError;
    type Answer = Status;
    type Malformed = Malformed;
    type Properties = Properties;

    #[inline]
    fn check(&self) -> Result<(), Malformed> {
        Self::check(self)
    }

    // With a second class of device the compiler made a call of this, for each request.
    #[inline]
    fn copy_from(&mut self, other: &Self) {
        (self.op, self.sector, self.sectors) = (other.op, other.sector, other.sectors);
        self.segments.clear();
        // Both have the same capacity, so this cannot fail.
        let _ = self.segments.extend_from_slice(&other.segments);
    }

    fn words(&self, mut word: impl FnMut(usize, u64)) {
        let op = match self.op {
            Op::Read => 1,
            Op::Write => 2,
            Op::Flush => 3,
            Op::Discard => 4,
            Op::WriteZeroes => 5u64,
        };
        let head = op | (self.segments.len() as u64) << 8 | u64::from(self.sectors) << 32;
        word(HEAD, head);
        word(SECTOR, self.sector);
        for (n, segment) in self.segments.iter().enumerate() {
            word(DATA + 2 * n, segment.offset);
            word(DATA + 2 * n + 1, segment.len.into());
        }
    }

    fn read(&mut self, word: impl Fn(usize) -> u64) -> Option<()> {
        let head = word(HEAD);
        self.op = match head & 0xff {
            1 => Op::Read,
            2 => Op::Write,
            3 => Op::Flush,
            4 => Op::Discard,
            5 => Op::WriteZeroes,
            _ => return None,
        };
        self.sector = word(SECTOR);
        self.sectors = (head >> 32) as u32;
        self.segments.clear();
        let count = (head >> 8 & 0xff_ffff) as usize;
        if count > SEGMENTS {
            return None;
        }
        for n in 0..count {
            let offset = word(DATA + 2 * n);
            let len = word(DATA + 2 * n + 1).try_into().ok()?;
            self.segments.push(Segment { offset, len }).ok()?;
        }
        self.check().ok()
    }

    fn answer_to_word(status: Status) -> u64 {
        match status {
            Status::Ok => 1,
            Status::IoError => 2,
            Status::Unsupported => 3,
        }
    }

    fn answer_from_word(word: u64) -> Option<Status> {
        match word {
            1 => Some(Status::Ok),
            2 => Some(Status::IoError),
            3 => Some(Status::Unsupported),
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
