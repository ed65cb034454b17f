// SPDX-License-Identifier: BSD-2-Clause
//! Stage 2 descriptors, 4 KiB granule (Arm ARM D8.3): root of 1024 entries of 1 GiB, then two
//! levels of 512.

use crate::cap::{FrameSize, READ, WRITE};

const VALID: u64 = 1;
/// At levels 1 and 2 a table, at level 3 a page.
const TABLE: u64 = 1 << 1;
/// MemAttr: normal, inner and outer write-back.
const NORMAL: u64 = 0b1111 << 2;
/// S2AP.
const S2_READ: u64 = 1 << 6;
const S2_WRITE: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const ACCESSED: u64 = 1 << 10;
const EXECUTE_NEVER: u64 = 1 << 54;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// `seL4_ARM_VMAttributes`: cacheable, execute never.
const CACHEABLE: u64 = 1;
const ATTRIBUTE_NEVER: u64 = 4;

/// A descriptor that maps a frame.
pub(crate) fn leaf(paddr: u64, size: FrameSize, rights: u8, attributes: u64) -> u64 {
    let mut value = paddr & ADDRESS | VALID | ACCESSED;
    if size == FrameSize::Small {
        value |= TABLE;
    }
    if attributes & CACHEABLE != 0 {
        value |= NORMAL | INNER_SHAREABLE;
    }
    if rights & READ != 0 {
        value |= S2_READ;
    }
    if rights & WRITE != 0 {
        value |= S2_WRITE;
    }
    if attributes & ATTRIBUTE_NEVER != 0 {
        value |= EXECUTE_NEVER;
    }
    value
}

/// A descriptor that points to a table.
pub(crate) fn table(paddr: u64) -> u64 {
    paddr & ADDRESS | VALID | TABLE
}

/// Does a descriptor map or point to anything?
pub(crate) fn valid(value: u64) -> bool {
    value & VALID != 0
}

/// What table does a descriptor above the last level point to, if it is not a block?
pub(crate) fn next_table(value: u64) -> Option<u64> {
    (value & (VALID | TABLE) == VALID | TABLE).then_some(value & ADDRESS)
}

/// The memory or table behind a valid descriptor.
pub(crate) fn address(value: u64) -> u64 {
    value & ADDRESS
}

/// Does a descriptor of a frame let it be read?
#[cfg(feature = "inspect")]
pub(crate) fn readable(value: u64) -> bool {
    value & S2_READ != 0
}

/// Does it let it be written?
#[cfg(feature = "inspect")]
pub(crate) fn writable(value: u64) -> bool {
    value & S2_WRITE != 0
}
