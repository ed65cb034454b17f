// SPDX-License-Identifier: BSD-2-Clause
//! The header before each frame (virtio 1.2, 5.1.6). The count of buffers is not kept.

use core::fmt;

use crate::checksum::Sum;

/// Bytes of the header, count of buffers included (5.1.6: with VERSION_1 it is always there).
pub const HEADER: usize = 12;

/// Work that is left to be done on a frame, or what is known about its checksum.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Offload {
    /// NEEDS_CSUM (1), DATA_VALID (2).
    pub flags: u8,
    /// How it is to be segmented: 0 not at all, 1 TCP over IPv4, 4 TCP over IPv6; 0x80 in addition: with ECN.
    pub gso_type: u8,
    /// Bytes of all headers, as a hint.
    pub header_len: u16,
    /// Payload bytes of each segment.
    pub gso_size: u16,
    /// Where the checksum begins.
    pub checksum_start: u16,
    /// Where the checksum is stored, counted from `checksum_start`.
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
    /// ECN, in addition to either.
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

    /// Whether a frame is longer than what goes over the wire at once.
    pub fn is_long(&self) -> bool {
        self.gso_type & !Self::ECN != 0
    }

    /// The header as it lies before a frame; `buffers`: the count of receive buffers, 0 in what is sent (5.1.6.2.1).
    pub fn to_bytes(self, buffers: u16) -> [u8; HEADER] {
        let [a, b] = self.header_len.to_le_bytes();
        let [c, d] = self.gso_size.to_le_bytes();
        let [e, f] = self.checksum_start.to_le_bytes();
        let [g, h] = self.checksum_offset.to_le_bytes();
        let [i, j] = buffers.to_le_bytes();
        [self.flags, self.gso_type, a, b, c, d, e, f, g, h, i, j]
    }

    /// Decodes a header; returns it with the count of buffers.
    pub fn from_bytes(
        [flags, gso_type, a, b, c, d, e, f, g, h, i, j]: [u8; HEADER],
    ) -> (Self, u16) {
        let offload = Self {
            flags,
            gso_type,
            header_len: u16::from_le_bytes([a, b]),
            gso_size: u16::from_le_bytes([c, d]),
            checksum_start: u16::from_le_bytes([e, f]),
            checksum_offset: u16::from_le_bytes([g, h]),
        };
        (offload, u16::from_le_bytes([i, j]))
    }

    /// Computes the checksum in place, if it is left to be computed. The checksum field holds the sum of the pseudo-header
    /// before (5.1.6.2).
    pub fn complete(&mut self, frame: &mut [u8]) {
        if self.flags & Self::NEEDS_CHECKSUM == 0 || !self.fits(frame.len()) {
            return;
        }
        let start = usize::from(self.checksum_start);
        let field = start + usize::from(self.checksum_offset);
        let checksum = Sum::of(frame.get(start..).unwrap_or_default()).checksum();
        if let Some(field) = frame.get_mut(field..field + 2) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
        self.flags = Self::DATA_VALID;
        (self.checksum_start, self.checksum_offset) = (0, 0);
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
