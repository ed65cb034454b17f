// SPDX-License-Identifier: BSD-2-Clause
//! The two ends of the loader: how it is entered, how it enters the kernel.

use core::arch::{asm, global_asm};

use molt_payload::Header;

// Every interrupt is masked; nothing else is assumed but the address. The current exception level
// is passed on so that a wrong one can be reported.
global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "msr daifset, #0xf",
    "adrp x1, __stack_top",
    "add x1, x1, :lo12:__stack_top",
    "mov sp, x1",
    "adrp x1, __bss_start",
    "add x1, x1, :lo12:__bss_start",
    "adrp x2, __bss_end",
    "add x2, x2, :lo12:__bss_end",
    "1: cmp x1, x2",
    "b.hs 2f",
    "stp xzr, xzr, [x1], #16",
    "b 1b",
    "2: mrs x0, CurrentEL",
    "lsr x0, x0, #2",
    "b loader_main",
);

/// Enters the kernel. It never returns here, and the stack is not its own.
pub fn kernel(header: &Header) -> ! {
    // SAFETY: the kernel stands at its place and is mapped at `entry`; from here on it owns the
    // machine. The registers are those of the boot protocol.
    unsafe {
        asm!(
            "br {entry}",
            entry = in(reg) header.kernel_entry.get(),
            in("x0") header.user_start.get(),
            in("x1") header.user_end.get(),
            in("x2") header.user_pv_offset.get(),
            in("x3") header.user_entry.get(),
            in("x4") header.dtb_address.get(),
            in("x5") header.dtb_size.get(),
            options(noreturn, nostack),
        )
    }
}

/// Sleeps until something happens.
pub fn wait() {
    // SAFETY: a hint.
    unsafe { asm!("wfe", options(nomem, nostack)) };
}
