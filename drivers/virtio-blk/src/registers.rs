// SPDX-License-Identifier: BSD-2-Clause
//! Features of block devices.

use bitflags::bitflags;

bitflags! {
    /// Feature bits that this driver knows (5.2.3 and 6).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Features: u64 {
        /// Segments have a longest length.
        const SIZE_MAX = 1 << 1;
        /// Requests have a largest count of segments.
        const SEG_MAX = 1 << 2;
        /// Read only.
        const RO = 1 << 5;
        /// The preferred block size is known.
        const BLK_SIZE = 1 << 6;
        /// A write cache that can be flushed.
        const FLUSH = 1 << 9;
        /// Discard.
        const DISCARD = 1 << 13;
        /// Write zeroes.
        const WRITE_ZEROES = 1 << 14;
        /// Descriptors in a table of their own.
        const INDIRECT = 1 << 28;
        /// Not legacy.
        const VERSION_1 = molt_virtio::registers::VERSION_1;
        /// The device reaches memory as the machine's IOMMU lets it (6.1).
        const ACCESS_PLATFORM = molt_virtio::registers::ACCESS_PLATFORM;
    }
}
