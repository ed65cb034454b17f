// SPDX-License-Identifier: BSD-2-Clause
//! What the driver tells its clients about the disk.

use crate::layout::{PROPERTIES, Region};

/// What the disk can do. Published by the server once it has started the device; until then, and
/// if the server is to be doubted, it is only an allegation, by which nothing but offers to a guest is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Writes, discards and write-zeroes fail.
    pub read_only: bool,
    /// There is a write cache, and flush empties it. Where there is none, a flush succeeds at once.
    pub flush: bool,
    /// At most so many sectors in a discard; 0: the device does none.
    pub max_discard_sectors: u32,
    /// At most so many sectors in a write-zeroes; 0: the device does none.
    pub max_write_zeroes_sectors: u32,
    /// The device's preferred unit in bytes.
    pub block_size: u32,
}

impl Properties {
    pub(crate) fn publish(&self, region: Region<'_>) {
        let limits =
            u64::from(self.max_discard_sectors) | u64::from(self.max_write_zeroes_sectors) << 32;
        region.store(PROPERTIES + 1, limits);
        region.store(PROPERTIES + 2, self.block_size.into());
        let flags = 1 | u64::from(self.read_only) << 1 | u64::from(self.flush) << 2;
        region.release(PROPERTIES, flags);
    }

    pub(crate) fn read(region: Region<'_>) -> Option<Self> {
        let flags = region.acquire(PROPERTIES);
        let limits = region.load(PROPERTIES + 1);
        (flags & 1 != 0).then(|| Self {
            read_only: flags & 2 != 0,
            flush: flags & 4 != 0,
            max_discard_sectors: limits as u32,
            max_write_zeroes_sectors: (limits >> 32) as u32,
            block_size: region.load(PROPERTIES + 2) as u32,
        })
    }
}
