// SPDX-License-Identifier: BSD-2-Clause
//! Where the buffers are in the region.

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
