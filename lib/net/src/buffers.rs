// SPDX-License-Identifier: BSD-2-Clause
//! Where the buffers are in the region, and copies into and out of them.

use core::sync::atomic::{AtomicU64, Ordering};

use molt_queue::layout;

use crate::packet::{Op, Packet};

/// Bytes of a buffer: a TCP segment of 64 KiB with Ethernet's header, a VLAN tag and the offload's header fits.
pub const BUFFER: usize = 0x1_0080;

/// The buffers of a region: half of them for each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    each: usize,
}

impl Buffers {
    /// The buffers that fit into a region of `bytes` bytes, but no more than the queue has slots. If there is no room for one
    /// buffer in each direction, there is none.
    pub const fn of(bytes: usize) -> Self {
        let room = bytes.saturating_sub(Self::START) / BUFFER / 2;
        let most = layout::SLOTS / 2;
        Self {
            each: if room < most { room } else { most },
        }
    }

    /// How many there are for each direction.
    pub const fn each(self) -> usize {
        self.each
    }

    /// The whole buffer `n` of those for a direction. `None` if there are fewer.
    pub fn packet(self, op: Op, n: usize) -> Option<Packet> {
        let first = match op {
            Op::Send => 0,
            Op::Receive => self.each,
        };
        let offset = (Self::START + BUFFER * (first + n)) as u64;
        let len = BUFFER as u32;
        (n < self.each).then_some(Packet { op, offset, len })
    }

    /// Behind the ring.
    const START: usize = (8 * layout::words::<Packet>()).next_multiple_of(128);
}

/// Copies bytes into the region from byte `offset`, a multiple of 8, in whole words; nothing of what lies outside.
pub fn put(region: &[AtomicU64], offset: u64, from: &[u8]) {
    let words = region.iter().skip((offset / 8) as usize);
    for (word, bytes) in words.zip(from.chunks(8)) {
        let mut whole = [0; 8];
        for (to, from) in whole.iter_mut().zip(bytes) {
            *to = *from;
        }
        word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
    }
}

/// Copies bytes out of the region from byte `offset`, a multiple of 8; what lies outside stays as it is in `to`.
pub fn get(region: &[AtomicU64], offset: u64, to: &mut [u8]) {
    let words = region.iter().skip((offset / 8) as usize);
    for (word, bytes) in words.zip(to.chunks_mut(8)) {
        let whole = word.load(Ordering::Relaxed).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(whole) {
            *to = from;
        }
    }
}
