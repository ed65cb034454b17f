// SPDX-License-Identifier: BSD-2-Clause
//! The payload of an image: the kernel and the root task, which the host tool appends to the loader.
//!
//! The image is flat and starts at [`LINK_ADDRESS`]. The loader itself takes the first
//! [`PAYLOAD_OFFSET`] bytes (its linker script refuses to exceed them). Then comes a [`Header`], and
//! behind it the bytes that the header's regions refer to, by offset from the image's start.
//! All numbers are little-endian. Addresses are physical unless called virtual.
#![no_std]
#![forbid(unsafe_code)]

mod check;
mod cores;
mod header;

pub use check::{CheckError, Copy, Plan, check};
pub use cores::{CoreReset, MAX_CORES, UnknownReset};
pub use header::{Header, Region};

/// `MOLTPAYL`, read as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"MOLTPAYL");

/// Version of this layout; a loader refuses every other one.
pub const VERSION: u32 = 3;

/// The address at which the image is loaded and entered (EL2 or EL3, MMU off): RAM on every board so far.
pub const LINK_ADDRESS: u64 = 0x7000_0000;

/// Offset of the [`Header`] from the image's start. The loader with its bss and its stack lies below.
pub const PAYLOAD_OFFSET: u64 = 0x1_0000;

/// Regions that one payload can have.
pub const MAX_REGIONS: usize = 8;

/// End (exclusive) of the physical addresses that the loader maps: device and memory.
pub const ADDRESS_END: u64 = 4 << 30;

/// The loader maps memory and devices in blocks of this size, so that no block may contain both.
pub const RAM_GRANULE: u64 = 1 << 30;

/// Size of the blocks by which the kernel's window is mapped; its physical and its virtual address
/// must agree modulo this.
pub const BLOCK_SIZE: u64 = 0x20_0000;

/// Size of a page: the root task's image starts and ends on one.
pub const PAGE_SIZE: u64 = 0x1000;
