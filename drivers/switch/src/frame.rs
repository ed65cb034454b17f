// SPDX-License-Identifier: BSD-2-Clause
//! The header of an Ethernet frame.

/// An address.
pub type Mac = [u8; 6];

/// Bytes of the header: destination, source, type.
pub const HEADER: usize = 14;

/// What the switch looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Destination address.
    pub destination: Mac,
    /// Source address.
    pub source: Mac,
}

impl Header {
    /// From the frame's first bytes.
    pub fn new(start: &[u8; HEADER]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *start;
        Self {
            destination: [a, b, c, d, e, f],
            source: [g, h, i, j, k, l],
        }
    }
}

/// For several (IEEE 802, 8.2.2: the individual/group bit).
pub const fn is_group(mac: Mac) -> bool {
    mac[0] & 1 == 1
}

/// Between neighbours only, never passed on (IEEE 802.1Q, 8.6.3).
pub fn is_link_local(mac: Mac) -> bool {
    let [start @ .., last] = mac;
    start == [0x01, 0x80, 0xc2, 0, 0] && last < 0x10
}
