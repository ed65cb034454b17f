// SPDX-License-Identifier: BSD-2-Clause
//! The memory map: the board's part and the kernel's own.

use core::ops::Range;

/// Virtual minus physical address, for all that the kernel maps.
pub const OFFSET: u64 = 0x80_0000_0000;

/// RAM that the kernel and user land share out. (What lies below, down to 0x4000_0000, is handed
/// out as device memory, as on the real kernel.)
pub const RAM: Range<u64> = 0x6000_0000..0xc000_0000;

/// The kernel's heap, at the top of RAM.
pub const HEAP: Range<u64> = 0xbe00_0000..RAM.end;

/// The distributor (GICD).
pub const GIC_DISTRIBUTOR: u64 = 0x800_0000;
/// The CPU interface (GICC).
pub const GIC_CPU: u64 = 0x801_0000;
/// The virtual interface control (GICH).
pub const GIC_VIRTUAL: u64 = 0x803_0000;
/// The console (PL011).
pub const UART: u64 = 0x900_0000;

/// Device memory for user land: everything but RAM and the GIC's pages that the kernel keeps.
pub const DEVICES: [Range<u64>; 5] = [
    0..0x800_0000,
    0x800_1000..0x801_0000,
    0x801_1000..0x803_0000,
    0x803_1000..0x6000_0000,
    0xc000_0000..1 << 40,
];

/// Interrupts that a handler can be had for: 0..=159, as on the real kernel.
pub const IRQ_COUNT: u32 = 160;

// SAFETY: the linker script defines both; only their addresses are taken.
unsafe extern "C" {
    static __code_end: u8;
    static __kernel_end: u8;
}

/// Physical end of the kernel's read-only part (a multiple of 2 MiB).
pub fn code_end() -> u64 {
    &raw const __code_end as u64 - OFFSET
}

/// Physical end of the kernel, its stack included, its heap not (a multiple of 2 MiB).
pub fn kernel_end() -> u64 {
    &raw const __kernel_end as u64 - OFFSET
}

/// RAM between the kernel and its heap.
pub fn users_ram() -> Range<u64> {
    kernel_end()..HEAP.start
}
