// SPDX-License-Identifier: BSD-2-Clause
//! The address space of a PD: Microkit 2.3 on AArch64 with EL2.

/// Last address of a PD's address space.
pub const TOP: u64 = 0xff_ffff_ffff;
/// The IPC buffer's page.
pub const IPC_BUFFER: u64 = TOP & !0xfff;
/// Initial stack pointer; the page from here to the IPC buffer stays unmapped.
pub const STACK_TOP: u64 = IPC_BUFFER - 0x1000;
/// Bytes of stack unless the description says otherwise.
pub const DEFAULT_STACK: u64 = 0x2000;
/// Smallest and largest stack in bytes.
pub const STACK_SIZES: core::ops::RangeInclusive<u64> = 0x1000..=0x100_0000;
/// First address of the pages that the tool adds to a PD (briefs, gates, control pages, rings, windows). In a PD that has
/// any of them the description may map nothing from here to [`TOOL_END`].
pub const TOOL_AREA: u64 = 0xf0_0000_0000;
/// End of the tool's area.
pub const TOOL_END: u64 = 0xf8_0000_0000;
/// A small page.
pub const SMALL_PAGE: u64 = 0x1000;
/// A large page.
pub const LARGE_PAGE: u64 = 0x20_0000;
