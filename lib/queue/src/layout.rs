// SPDX-License-Identifier: BSD-2-Clause
//! The region's layout, in words of 64 bits.
//!
//! | words | written by | what |
//! |---|---|---|
//! | 0 | client | the generation that the queue is open for, plus 1; 0: none |
//! | 1 | client | submission index: counts submissions, from [`START`] |
//! | 8 | server | completion index, likewise |
//! | 9, 10, 11 | server | properties of the disk ([`crate::Properties`]) |
//! | 16..80 | client | submission ring: slot number |
//! | 80..144 | server | completion ring: slot, status << 8, generation << 16 (low 48 bits) |
//! | 144.. | client | 64 slots of 40 words: |
//! | +0 | client | op, count of segments << 8, sectors << 32 |
//! | +1 | client | sector |
//! | +2 | server | the generation that took it, plus 1; 0: none |
//! | +8.. | client | segments: offset, length |
//!
//! Neither side needs to say how far it has read: a slot is used again only after its completion has
//! been taken, so no ring ever holds more than its 64 entries.
#![allow(missing_docs, reason = "the table above says it")]

use core::sync::atomic::{AtomicU64, Ordering};

use heapless::Vec;

use crate::request::{Op, Request, SEGMENTS, Segment, Status};

/// How many requests a queue holds.
pub const SLOTS: usize = 64;

/// The first value of both indices: they wrap early, so that wrapping is always tried.
pub const START: u64 = u64::MAX - 31;

pub const GENERATION: usize = 0;
pub const SUBMITTED: usize = 1;
pub const COMPLETED: usize = 8;
pub const PROPERTIES: usize = 9;
pub const SUBMISSIONS: usize = 16;
pub const COMPLETIONS: usize = SUBMISSIONS + SLOTS;
pub const SLOT: usize = COMPLETIONS + SLOTS;
pub const SLOT_WORDS: usize = 40;
pub const SLOT_TAKEN: usize = 2;
pub const SLOT_SEGMENTS: usize = 8;

/// The whole layout in words.
pub const WORDS: usize = SLOT + SLOTS * SLOT_WORDS;

const _: () = assert!(SLOT_SEGMENTS + 2 * SEGMENTS <= SLOT_WORDS);
const _: () = assert!(WORDS * 8 <= 0x6000);

/// The region. A region that is too short reads as zeros where it is missing, which is a queue that
/// is open for no generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region<'a>(pub &'a [AtomicU64]);

impl Region<'_> {
    /// With `Acquire`: for indices and the generation.
    pub fn acquire(&self, word: usize) -> u64 {
        self.0
            .get(word)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// With `Release`: after what they promise.
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
}

/// Where the ring entry of index `index` is, in a ring that begins at `ring`.
pub fn entry(ring: usize, index: u64) -> usize {
    ring + (index % SLOTS as u64) as usize
}

/// The first word of `slot`.
pub fn slot(slot: u8) -> usize {
    SLOT + usize::from(slot) * SLOT_WORDS
}

/// The client's words of a slot, with their places in it.
pub(crate) fn encode(request: &Request) -> impl Iterator<Item = (usize, u64)> {
    let op = match request.op {
        Op::Read => 1,
        Op::Write => 2,
        Op::Flush => 3,
        Op::Discard => 4,
        Op::WriteZeroes => 5u64,
    };
    let head = op | (request.segments.len() as u64) << 8 | u64::from(request.sectors) << 32;
    let segments = request
        .segments
        .iter()
        .enumerate()
        .flat_map(|(n, segment)| {
            let at = SLOT_SEGMENTS + 2 * n;
            [(at, segment.offset), (at + 1, segment.len.into())]
        });
    [(0, head), (1, request.sector)].into_iter().chain(segments)
}

/// The request in the slot that begins at word `at`, if it is one and well-formed.
pub(crate) fn decode(region: Region<'_>, at: usize) -> Option<Request> {
    let head = region.load(at);
    let op = match head & 0xff {
        1 => Op::Read,
        2 => Op::Write,
        3 => Op::Flush,
        4 => Op::Discard,
        5 => Op::WriteZeroes,
        _ => return None,
    };
    let count = (head >> 8 & 0xff_ffff) as usize;
    if count > SEGMENTS {
        return None;
    }
    let mut segments = Vec::new();
    for n in 0..count {
        let at = at + SLOT_SEGMENTS + 2 * n;
        let offset = region.load(at);
        let len = region.load(at + 1).try_into().ok()?;
        segments.push(Segment { offset, len }).ok()?;
    }
    let request = Request {
        op,
        sector: region.load(at + 1),
        sectors: (head >> 32) as u32,
        segments,
    };
    request.check().ok().map(|()| request)
}

/// A completion ring's entry.
pub fn completion(slot: u8, status: Status, generation: u64) -> u64 {
    let status = match status {
        Status::Ok => 1,
        Status::IoError => 2,
        Status::Unsupported => 3u64,
    };
    u64::from(slot) | status << 8 | generation << 16
}

/// The status in a completion ring's entry.
pub(crate) fn status(entry: u64) -> Option<Status> {
    match entry >> 8 & 0xff {
        1 => Some(Status::Ok),
        2 => Some(Status::IoError),
        3 => Some(Status::Unsupported),
        _ => None,
    }
}
