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
    /// Bytes of the smallest region with a buffer in each direction.
    pub const LEAST: usize = Self::START + 2 * BUFFER;

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

    /// The first byte behind the ring.
    pub(crate) const START: usize = (8 * layout::words::<Packet>()).next_multiple_of(128);
}

/// Copies bytes into the region from byte `offset`, a multiple of 8, in whole words, the last one filled up with zeros; nothing
/// of what lies outside.
pub fn put(region: &[AtomicU64], offset: u64, from: &[u8]) {
    let region = region.get((offset / 8) as usize..).unwrap_or_default();
    let (words, rest) = from.as_chunks::<8>();
    for (to, from) in region.iter().zip(words) {
        to.store(u64::from_le_bytes(*from), Ordering::Relaxed);
    }
    if !rest.is_empty()
        && let Some(to) = region.get(words.len())
    {
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        to.store(u64::from_le_bytes(last), Ordering::Relaxed);
    }
}

/// Copies `len` bytes from one region to another, each with the byte offset, a multiple of 8; nothing to or from what lies
/// outside. Bytes behind the last one, up to the end of the word, become 0: they may be another's.
pub fn copy((from, at): (&[AtomicU64], u64), (to, place): (&[AtomicU64], u64), len: usize) {
    let from = from.get((at / 8) as usize..).unwrap_or_default();
    let to = to.get((place / 8) as usize..).unwrap_or_default();
    let (whole, rest) = (len / 8, len % 8);
    for (to, from) in to.iter().zip(from.iter().take(whole)) {
        to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    if rest > 0
        && let (Some(to), Some(from)) = (to.get(whole), from.get(whole))
    {
        let end = from.load(Ordering::Relaxed) & ((1 << (8 * rest)) - 1);
        to.store(end, Ordering::Relaxed);
    }
}

/// Copies bytes out of the region from byte `offset`, a multiple of 8; what lies outside stays as it is in `to`.
pub fn get(region: &[AtomicU64], offset: u64, to: &mut [u8]) {
    let region = region.get((offset / 8) as usize..).unwrap_or_default();
    let (words, rest) = to.as_chunks_mut::<8>();
    for (to, from) in words.iter_mut().zip(region) {
        *to = from.load(Ordering::Relaxed).to_le_bytes();
    }
    if let Some(last) = region.get(words.len()) {
        let last = last.load(Ordering::Relaxed).to_le_bytes();
        for (to, from) in rest.iter_mut().zip(last) {
            *to = from;
        }
    }
}
