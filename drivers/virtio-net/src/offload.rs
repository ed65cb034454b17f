// SPDX-License-Identifier: BSD-2-Clause
//! The header before each frame (5.1.6), without its count of buffers.

use core::fmt;

/// Bytes of the header, count of buffers included (5.1.6: with VERSION_1 it is always there).
pub const HEADER: usize = 12;

/// What is left to be done on a frame, or was found out about it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Offload {
    /// NEEDS_CSUM (1), DATA_VALID (2).
    pub flags: u8,
    /// How it is to be segmented: 0 not at all, 1 TCP over IPv4, 4 TCP over IPv6; 0x80 beside it: with ECN.
    pub gso_type: u8,
    /// Bytes of all headers, as a hint.
    pub header_len: u16,
    /// Payload bytes of each segment.
    pub gso_size: u16,
    /// Where the checksum begins.
    pub checksum_start: u16,
    /// Where it is put, from there.
    pub checksum_offset: u16,
}

impl Offload {
    /// NEEDS_CSUM: the checksum field holds only that of the pseudo-header.
    pub const NEEDS_CHECKSUM: u8 = 1;
    /// DATA_VALID: the checksum was found right.
    pub const DATA_VALID: u8 = 2;
    /// TCP over IPv4.
    pub const TCP4: u8 = 1;
    /// TCP over IPv6.
    pub const TCP6: u8 = 4;
    /// ECN, beside either.
    pub const ECN: u8 = 0x80;

    /// Whether it fits a frame of `length` bytes: known flags and segmentation, a segment size where there is
    /// segmentation, which needs a checksum, and the checksum's place inside the frame.
    pub fn fits(&self, length: usize) -> bool {
        let place = usize::from(self.checksum_start) + usize::from(self.checksum_offset) + 2;
        let checksum = self.flags & Self::NEEDS_CHECKSUM != 0;
        let segmented = self.gso_type & !Self::ECN;
        let known = self.flags & !(Self::NEEDS_CHECKSUM | Self::DATA_VALID) == 0
            && matches!(segmented, 0 | Self::TCP4 | Self::TCP6)
            && (segmented != 0 || self.gso_type == 0);
        known && (!checksum || place <= length) && (segmented == 0 || checksum && self.gso_size > 0)
    }

    /// The header as the device reads and writes it: its first eight bytes, and its last four.
    pub(crate) fn to_words(self) -> [u64; 2] {
        let first = u64::from(self.flags)
            | u64::from(self.gso_type) << 8
            | u64::from(self.header_len) << 16
            | u64::from(self.gso_size) << 32
            | u64::from(self.checksum_start) << 48;
        // The count of buffers is 0 in what is sent (5.1.6.2.1).
        [first, self.checksum_offset.into()]
    }

    /// From there, and the count of buffers.
    pub(crate) fn from_words([first, second]: [u64; 2]) -> (Self, u16) {
        let offload = Self {
            flags: first as u8,
            gso_type: (first >> 8) as u8,
            header_len: (first >> 16) as u16,
            gso_size: (first >> 32) as u16,
            checksum_start: (first >> 48) as u16,
            checksum_offset: second as u16,
        };
        (offload, (second >> 16) as u16)
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            flags,
            gso_type,
            gso_size,
            checksum_start: start,
            checksum_offset: offset,
            ..
        } = self;
        write!(
            f,
            "flags {flags:#x}, gso {gso_type:#x}/{gso_size}, checksum {start}+{offset}"
        )
    }
}
