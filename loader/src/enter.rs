// SPDX-License-Identifier: BSD-2-Clause
//! Entry and exit of the loader: how cores enter it, and how they enter the kernel.

use core::arch::{asm, global_asm};

use molt_payload::Header;

// Every interrupt is masked; nothing else is assumed except the address. The current exception level
// is passed on so that a wrong one can be reported. The other cores enter with their number, which is in the lowest byte of
// MPIDR_EL1 on every board so far (Arm ARM D24.2.109), each with a stack of its own.
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
    ".global _start_other",
    "_start_other:",
    "msr daifset, #0xf",
    "mrs x1, mpidr_el1",
    "and x1, x1, #0xff",
    "adrp x2, __stack_top",
    "add x2, x2, :lo12:__stack_top",
    "sub x2, x2, x1, lsl #12",
    "mov sp, x2",
    "mrs x0, CurrentEL",
    "lsr x0, x0, #2",
    "b loader_other",
);

unsafe extern "C" {
    fn _start();
    fn _start_other();
}

/// Where the first core enters.
pub fn first() -> u64 {
    _start as *const () as u64
}

/// Where the other cores enter.
pub fn other() -> u64 {
    _start_other as *const () as u64
}

/// Enters the kernel as one of its cores, counted from 0. It never returns here, and the stack is not its own.
pub fn kernel(header: &Header, core: u64) -> ! {
    // SAFETY: the kernel stands at its place and is mapped at `entry`; from here on it owns the
    // machine. The registers are those of the boot protocol; a kernel for one core does not look at TPIDR_EL1.
    unsafe {
        asm!(
            "msr tpidr_el1, {core}",
            "isb",
            "br {entry}",
            core = in(reg) core,
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

/// Wakes all that [`wait`].
pub fn wake() {
    // SAFETY: a barrier, so that what was written before is seen by whoever wakes, and a hint.
    unsafe { asm!("dsb sy", "sev", options(nostack)) };
}

/// Sleeps until something happens.
pub fn wait() {
    // SAFETY: a hint.
    unsafe { asm!("wfe", options(nomem, nostack)) };
}
