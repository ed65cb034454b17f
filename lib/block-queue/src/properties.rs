// SPDX-License-Identifier: BSD-2-Clause
//! What the driver tells its clients about the disk.

use molt_queue::PROPERTIES_WORDS;

/// What the disk can do. The server publishes it once it has started the device. The client does not rely on it: it
/// only decides by it which features it offers to a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Writes, discards and write-zeroes fail.
    pub read_only: bool,
    /// The disk has a write cache, which flush empties. Without one, a flush succeeds at once.
    pub flush: bool,
    /// Most sectors in a discard; 0: the device supports none.
    pub max_discard_sectors: u32,
    /// Most sectors in a write-zeroes; 0: the device supports none.
    pub max_write_zeroes_sectors: u32,
    /// The device's preferred unit in bytes.
    pub block_size: u32,
    /// Most segments in a read or a write; 0: as many as a request has room for.
    pub max_segments: u32,
}

impl Properties {
    pub(crate) fn to_words(self) -> [u64; PROPERTIES_WORDS] {
        let flags = u64::from(self.read_only) | u64::from(self.flush) << 1;
        let limits =
            u64::from(self.max_discard_sectors) | u64::from(self.max_write_zeroes_sectors) << 32;
        let sizes = u64::from(self.block_size) | u64::from(self.max_segments) << 32;
        [flags, limits, sizes, 0, 0]
    }

    pub(crate) fn from_words([flags, limits, sizes, ..]: [u64; PROPERTIES_WORDS]) -> Self {
        Self {
            read_only: flags & 1 != 0,
            flush: flags & 2 != 0,
            max_discard_sectors: limits as u32,
            max_write_zeroes_sectors: (limits >> 32) as u32,
            block_size: sizes as u32,
            max_segments: (sizes >> 32) as u32,
        }
    }
}
