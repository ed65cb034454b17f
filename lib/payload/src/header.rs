// SPDX-License-Identifier: BSD-2-Clause
//! The header as it stands in the image.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{MAGIC, MAX_REGIONS, VERSION};

/// One piece of the kernel or of the root task: `file_size` bytes are copied, the rest up to
/// `mem_size` is set to zero.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Region {
    /// Physical address where the piece goes.
    pub destination: U64,
    /// Offset of its bytes from the image's start (so at least
    /// [`PAYLOAD_OFFSET`](crate::PAYLOAD_OFFSET) plus the header's size).
    pub offset: U64,
    /// Bytes to copy; may be 0.
    pub file_size: U64,
    /// Bytes that the piece takes in memory; at least `file_size`.
    pub mem_size: U64,
}

/// The payload's header. Region order does not matter.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: U64,
    /// [`VERSION`].
    pub version: U32,
    /// How many of `regions` are used.
    pub region_count: U32,
    /// Bytes of the whole image, loader included.
    pub image_size: U64,
    /// The kernel ELF's entry point (virtual).
    pub kernel_entry: U64,
    /// Lowest virtual address of the kernel's segments.
    pub kernel_vaddr: U64,
    /// Physical address of `kernel_vaddr`.
    pub kernel_paddr: U64,
    /// First physical address of the root task's image (page-aligned).
    pub user_start: U64,
    /// End (exclusive) of the root task's image (page-aligned, bss included).
    pub user_end: U64,
    /// Physical minus virtual address of the root task's image, modulo 2^64.
    pub user_pv_offset: U64,
    /// The root task's entry point (virtual).
    pub user_entry: U64,
    /// Physical address of a device tree for the root task, or 0.
    pub dtb_address: U64,
    /// Its size in bytes, or 0.
    pub dtb_size: U64,
    /// First address of the RAM that the kernel uses.
    pub ram_start: U64,
    /// End (exclusive) of that RAM; below [`ADDRESS_END`](crate::ADDRESS_END).
    pub ram_end: U64,
    /// Physical address of the console's UART.
    pub uart_address: U64,
    /// Its kind, a number of `molt_uart::Kind`; another number: no console.
    pub uart_kind: U64,
    /// Physical addresses of the GICv2's distributor and CPU interface, for a machine that enters at EL3; 0: not known.
    pub gic_distributor: U64,
    /// See [`Self::gic_distributor`].
    pub gic_interface: U64,
    /// Cores that the kernel is for: 1 to [`MAX_CORES`](crate::MAX_CORES).
    pub cores: U64,
    /// What starts the others on a machine that enters at EL3, a number of [`CoreReset`](crate::CoreReset); 0: not known. On a
    /// machine that enters at EL2 its firmware does.
    pub core_reset: U64,
    /// The pieces; those from `region_count` on are zero.
    pub regions: [Region; MAX_REGIONS],
}

impl Header {
    /// A header with magic and version set and no region.
    #[must_use]
    pub fn new() -> Self {
        Self {
            magic: MAGIC.into(),
            version: VERSION.into(),
            cores: 1.into(),
            ..<Self as zerocopy::FromZeros>::new_zeroed()
        }
    }
}

impl Default for Header {
    fn default() -> Self {
        Self::new()
    }
}
