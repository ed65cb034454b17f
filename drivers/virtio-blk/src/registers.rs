// SPDX-License-Identifier: BSD-2-Clause
//! The block device's number and features, which `molt-virtio` does not have.

use bitflags::bitflags;

pub use molt_virtio::registers::*;

/// 5.2.1
pub const BLOCK_DEVICE: u32 = 2;

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
        const VERSION_1 = 1 << 32;
        /// The device reaches memory as the machine's IOMMU lets it (6.1).
        const ACCESS_PLATFORM = 1 << 33;
    }
}
