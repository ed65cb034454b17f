// SPDX-License-Identifier: BSD-2-Clause
//! The descriptor table of ADMA2 (H 1.13.3), in memory shared with the controller.

use core::sync::atomic::Ordering;

use molt_block::{Piece, Ring};
use molt_block_queue::SEGMENTS;
use molt_shared::Handover;

use crate::error::Error;

/// Most sectors of one command: the block count has 16 bits (H 2.2.3).
pub const MAX_SECTORS: u32 = 0xffff;

/// A descriptor's length has 16 bits, and 0 stands for this (H 1.13.3.2).
const LONGEST: u32 = 0x1_0000;
/// Each segment has one descriptor that is not full, at most.
const DESCRIPTORS: usize = (MAX_SECTORS as usize * 512).div_ceil(LONGEST as usize) + SEGMENTS;
/// In words of 32 bits, with a 64-bit address.
const DESCRIPTOR: usize = 3;

/// Bytes of ring memory that are needed.
pub const RING_BYTES: usize = (DESCRIPTORS * DESCRIPTOR * 4).next_multiple_of(8);

// Attributes (H 1.13.3.1).
const VALID: u32 = 1;
const END: u32 = 1 << 1;
const TRANSFER: u32 = 0b10 << 4;

/// The table of the one command that the controller does.
#[derive(Debug)]
pub struct Table<'a> {
    ring: Ring<'a>,
    wide: bool,
}

impl<'a> Table<'a> {
    /// A table with addresses of 64 bits (`wide`) or 32.
    pub fn new(ring: Ring<'a>, wide: bool) -> Result<Self, Error> {
        let end = ring.physical.checked_add(RING_BYTES as u64);
        let reached = end.is_some_and(|end| wide || end <= 1 << 32);
        if ring.words.len() * 8 < RING_BYTES || !ring.physical.is_multiple_of(8) || !reached {
            return Err(Error::Memory);
        }
        Ok(Self { ring, wide })
    }

    /// Where it is.
    pub fn physical(&self) -> u64 {
        self.ring.physical
    }

    /// Describes the pieces, for a command that is issued afterwards.
    pub fn describe(&mut self, pieces: &[Piece]) {
        let mut writer = Writer {
            ring: self.ring,
            next: 0,
            half: 0,
        };
        for (n, piece) in pieces.iter().enumerate() {
            let (mut address, mut left) = (piece.address, piece.len);
            while left > 0 {
                let len = left.min(LONGEST);
                left -= len;
                let last = left == 0 && n + 1 == pieces.len();
                let attributes = VALID | TRANSFER | if last { END } else { 0 };
                writer.put(attributes | (len & 0xffff) << 16);
                writer.put(address as u32);
                if self.wide {
                    writer.put((address >> 32) as u32);
                }
                address = address.wrapping_add(len.into());
            }
        }
        writer.finish();
        Handover::ToDevice.barrier();
    }
}

/// Writes words of 32 bits one after the other.
struct Writer<'a> {
    ring: Ring<'a>,
    next: usize,
    half: u64,
}

impl Writer<'_> {
    fn put(&mut self, value: u32) {
        if self.next.is_multiple_of(2) {
            self.half = value.into();
        } else {
            self.store(self.half | u64::from(value) << 32);
        }
        self.next += 1;
    }

    fn finish(&mut self) {
        if !self.next.is_multiple_of(2) {
            self.store(self.half);
        }
    }

    fn store(&self, value: u64) {
        // Within the ring: no command has more pieces or sectors than the table has room for.
        if let Some(word) = self.ring.words.get(self.next / 2) {
            word.store(value, Ordering::Relaxed);
        }
    }
}
