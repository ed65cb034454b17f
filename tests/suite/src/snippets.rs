// SPDX-License-Identifier: BSD-2-Clause
//! Pieces of machine code whose addresses tests know. x0 is theirs to start with.
//!
//! None of them is called: threads and vCPUs are started at them.

use core::arch::naked_asm;

macro_rules! snippets {
    ($($(#[$doc:meta])* $name:ident: $($line:literal)*;)*) => {
        $(
            $(#[$doc])*
            #[unsafe(naked)]
            pub extern "C" fn $name() -> ! {
                naked_asm!($($line),*)
            }
        )*
    };
}

snippets! {
    /// Reads at x0; what it read is in x1 when it traps for good.
    read: "ldr x1, [x0]" "udf #1";
    /// Writes x1 at x0.
    write: "str x1, [x0]" "udf #1";
    /// Jumps to x0.
    execute: "br x0";
    /// An undefined instruction.
    undefined: "udf #7" "udf #1";
    /// A breakpoint.
    breakpoint: "brk #5" "udf #1";
    /// A system call that there is not, with the number -100.
    unknown_syscall: "mov x1, #11" "mov x2, #12" "mov x3, #13" "mov x4, #14" "mov x5, #15" "mov x6, #16"
        "mov x7, #-100" "svc #0" "udf #1";
    /// A system call with the number 0.
    syscall_zero: "mov x7, #0" "svc #0" "udf #1";
    /// The debug call for one character: unknown to a release kernel.
    put_char: "mov x7, #-12" "svc #0" "udf #1";
    /// A hypervisor call.
    hypervisor_call: "hvc #0" "udf #1";
    /// A secure monitor call.
    monitor_call: "smc #0" "udf #1";
    /// Reads the virtual counter.
    virtual_counter: "mrs x1, cntvct_el0" "udf #1";
    /// Reads a register of EL1.
    privileged_register: "mrs x1, sctlr_el1" "udf #1";
    /// Waits for an interrupt.
    wait_for_interrupt: "wfi" "udf #1";
    /// An unaligned exclusive access.
    unaligned_exclusive: "add x0, x0, #1" "ldxr x1, [x0]" "udf #1";
    /// Receives on the capability x0.
    receive: "mov x6, #0" "mov x7, #-7" "svc #0" "udf #1";
    /// Calls the capability x0.
    call: "mov x1, #0" "mov x7, #-1" "svc #0" "udf #1";
    /// Sends to the capability x0.
    send: "mov x1, #0" "mov x7, #-5" "svc #0" "udf #1";
    /// Uses a floating point register.
    float: "fmov d0, x0" "udf #1";
    /// Cleans a data cache line by address.
    clean_cache: "dc cvac, x0" "udf #1";

    /// A guest: calls the monitor with x0 = 1, then 2, ...
    guest_monitor_calls: "mov x0, #1" "0: smc #0" "add x0, x0, #1" "b 0b";
    /// A guest: waits for interrupts for ever.
    guest_waits: "0: wfi" "b 0b";
    /// A guest: makes a system call with x7 = 0.
    guest_hypervisor_call: "mov x7, #0" "hvc #0" "smc #1" "b .";
    /// A guest: reads at x0, then writes.
    guest_touches: "ldr x1, [x0]" "str x1, [x0, #8]" "smc #3" "b .";
    /// A guest: starts its virtual timer with x0 ticks, waits without end.
    guest_timer: "msr cntv_tval_el0, x0" "mov x1, #1" "msr cntv_ctl_el0, x1" "isb" "0: b 0b";
    /// A guest: counts in x0 for ever.
    guest_spins: "0: add x0, x0, #1" "b 0b";
    /// A guest: takes interrupts through the page at x0 (the virtual CPU interface); x1 is where
    /// its vectors are. Each acknowledged number goes to the monitor in x2.
    guest_interrupts: "msr vbar_el1, x1" "mov w3, #1" "str w3, [x0]" "mov w3, #0xff" "str w3, [x0, #4]"
        "isb" "msr daifclr, #2" "0: wfi" "b 0b";
    /// A guest: sets floating point registers from x0 and waits at the monitor.
    guest_float: "mov x3, #0x300000" "msr cpacr_el1, x3" "isb" "fmov d0, x0" "fmov d31, x0" "smc #4"
        "fmov x1, d0" "fmov x2, d31" "smc #5" "b .";
}

/// The vectors of [`guest_interrupts`]: what comes in by an IRQ is acknowledged, told to the
/// monitor, and ended. 2 KiB, aligned so in the page that it is copied to.
#[unsafe(naked)]
pub extern "C" fn guest_vectors() -> ! {
    naked_asm!(
        ".balign 2048",
        ".rept 5",
        "smc #9",
        "b .",
        ".balign 128",
        ".endr",
        // IRQ from the current level with its own stack pointer, at 0x280.
        "ldr w2, [x0, #12]",
        "smc #6",
        "str w2, [x0, #16]",
        "eret",
        ".balign 128",
        ".rept 10",
        "smc #9",
        "b .",
        ".balign 128",
        ".endr",
    )
}
