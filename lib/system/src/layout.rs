// SPDX-License-Identifier: BSD-2-Clause
//! The address space of a PD, as Microkit 2.3 has it.

/// What depends on the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// The IPC buffer's page, the last that a PD can have.
    pub ipc_buffer: u64,
    /// Initial stack pointer; the page from here to the IPC buffer stays unmapped.
    pub stack: u64,
}

impl Top {
    /// `last`: the last address of an address space.
    const fn below(last: u64) -> Self {
        Self {
            ipc_buffer: last & !0xfff,
            stack: (last & !0xfff) - 0x1000,
        }
    }
}

/// AArch64 with EL2 and 40 bits of physical address.
pub const AARCH64: Top = Top::below(0xff_ffff_ffff);
/// x86_64 with tables of four levels.
pub const X86_64: Top = Top::below(0x7fff_ffff_efff);
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
