// SPDX-License-Identifier: BSD-2-Clause
//! Exit to EL0 or EL1, and entry from there. For the rest of the kernel it is a function call: [`run`]
//! loads a thread's registers and returns when an exception has saved them again.

use core::arch::global_asm;
use core::mem::offset_of;

use molt_kernel_core::UserContext;

use crate::registers::write_register;

/// Why the thread stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A synchronous exception: `ESR_EL2` says which.
    Synchronous,
    /// An interrupt is pending at the controller.
    Interrupt,
    /// FIQ or SError: nothing on this board raises them.
    Other(u64),
}

// SAFETY: both are defined by the assembly below, with these types.
unsafe extern "C" {
    fn molt_enter_user(context: *mut UserContext) -> u64;
    static molt_vectors: u8;
}

/// Installs the vectors.
pub fn install() {
    // SAFETY: the table below, aligned to 2 KiB.
    unsafe { write_register!("vbar_el2", &raw const molt_vectors as u64) };
}

/// Runs a thread until the next exception. The caller has set up its address space, vCPU and
/// FP registers.
pub fn run(context: &mut UserContext) -> Entry {
    // No return to EL2.
    context.spsr = sane_spsr(context.spsr);
    // SAFETY: the code below loads from and stores to `context` alone (offsets from the type) and keeps the callee-saved
    // registers and the stack; the thread runs at EL0 or EL1 (line above), whose accesses stage 2 confines. To the compiler
    // it is a call that changes `context`.
    let reason = unsafe { molt_enter_user(context) };
    match reason {
        0 => Entry::Synchronous,
        1 => Entry::Interrupt,
        other => Entry::Other(other),
    }
}

/// Forces a mode below EL2: `M[3:2]` are cleared unless they are EL1's. (The core filters what users
/// write; this makes `run` sound without relying on it.)
fn sane_spsr(spsr: u64) -> u64 {
    match spsr >> 2 & 3 {
        2 | 3 => spsr & !0x1f,
        _ => spsr,
    }
}

macro_rules! saved_pair {
    ($($first:literal $second:literal $offset:literal)*) => { concat!($(
        "stp x", $first, ", x", $second, ", [x0, #", $offset, "]\n",
    )*) };
}
macro_rules! loaded_pair {
    ($($first:literal $second:literal $offset:literal)*) => { concat!($(
        "ldp x", $first, ", x", $second, ", [x0, #", $offset, "]\n",
    )*) };
}

global_asm!(
    ".text",
    ".balign 16",
    "molt_enter_user:",
    "stp x29, x30, [sp, #-96]!",
    "stp x19, x20, [sp, #16]",
    "stp x21, x22, [sp, #32]",
    "stp x23, x24, [sp, #48]",
    "stp x25, x26, [sp, #64]",
    "stp x27, x28, [sp, #80]",
    // While the thread runs TPIDR_EL2 says where its registers go.
    "msr tpidr_el2, x0",
    "ldp x1, x2, [x0, {sp_pc}]",
    "msr sp_el0, x1",
    "msr elr_el2, x2",
    "ldr x1, [x0, {spsr}]",
    "msr spsr_el2, x1",
    "ldp x1, x2, [x0, {tpidr}]",
    "msr tpidr_el0, x1",
    "msr tpidrro_el0, x2",
    loaded_pair!(2 3 16  4 5 32  6 7 48  8 9 64  10 11 80  12 13 96  14 15 112  16 17 128
        18 19 144  20 21 160  22 23 176  24 25 192  26 27 208  28 29 224),
    "ldr x30, [x0, #240]",
    "ldp x0, x1, [x0]",
    "eret",

    // From a lower exception level, x1 the reason; x0 and x1 are on the stack.
    "molt_leave_user:",
    "mrs x0, tpidr_el2",
    saved_pair!(2 3 16  4 5 32  6 7 48  8 9 64  10 11 80  12 13 96  14 15 112  16 17 128
        18 19 144  20 21 160  22 23 176  24 25 192  26 27 208  28 29 224),
    "str x30, [x0, #240]",
    "ldp x2, x3, [sp], #16",
    "stp x2, x3, [x0]",
    "mrs x2, sp_el0",
    "mrs x3, elr_el2",
    "stp x2, x3, [x0, {sp_pc}]",
    "mrs x2, spsr_el2",
    "str x2, [x0, {spsr}]",
    "mrs x2, tpidr_el0",
    "mrs x3, tpidrro_el0",
    "stp x2, x3, [x0, {tpidr}]",
    "ldp x19, x20, [sp, #16]",
    "ldp x21, x22, [sp, #32]",
    "ldp x23, x24, [sp, #48]",
    "ldp x25, x26, [sp, #64]",
    "ldp x27, x28, [sp, #80]",
    "ldp x29, x30, [sp], #96",
    "mov x0, x1",
    "ret",

    // The kernel's own exception: its end. The stack may be what failed, so take another.
    "molt_kernel_exception:",
    "adrp x9, MOLT_LAST_STACK",
    "add x9, x9, :lo12:MOLT_LAST_STACK",
    "add x9, x9, {last_stack}",
    "mov sp, x9",
    "mrs x0, esr_el2",
    "mrs x1, elr_el2",
    "mrs x2, far_el2",
    "b kernel_exception",

    ".macro own_entry",
    ".balign 128",
    "b molt_kernel_exception",
    ".endm",
    ".macro lower_entry reason",
    ".balign 128",
    "stp x0, x1, [sp, #-16]!",
    "mov x1, #\\reason",
    "b molt_leave_user",
    ".endm",
    // Arm ARM D1.3.1.2: four entries each (synchronous, IRQ, FIQ, SError) for EL2 with SP_EL0, EL2
    // with SP_EL2, a lower level in AArch64, in AArch32 (a guest's 32-bit programs).
    ".balign 2048",
    ".global molt_vectors",
    ".type molt_vectors, %function",
    "molt_vectors:",
    ".rept 8",
    "own_entry",
    ".endr",
    ".rept 2",
    "lower_entry 0",
    "lower_entry 1",
    "lower_entry 2",
    "lower_entry 3",
    ".endr",
    ".balign 128",
    sp_pc = const offset_of!(UserContext, sp),
    spsr = const offset_of!(UserContext, spsr),
    tpidr = const offset_of!(UserContext, tpidr_el0),
    last_stack = const LAST_STACK_SIZE,
);

// Assumptions of the code above about the type.
const _: () = {
    assert!(offset_of!(UserContext, x) == 0);
    assert!(offset_of!(UserContext, next_pc) == offset_of!(UserContext, sp) + 8);
    assert!(offset_of!(UserContext, tpidrro_el0) == offset_of!(UserContext, tpidr_el0) + 8);
};

const LAST_STACK_SIZE: usize = 0x2000;

#[repr(C, align(16))]
struct LastStack([u8; LAST_STACK_SIZE]);

// SAFETY: no other symbol of the kernel has this name; only the assembly above takes its address, as a
// stack that nothing else uses.
#[unsafe(no_mangle)]
static mut MOLT_LAST_STACK: LastStack = LastStack([0; LAST_STACK_SIZE]);

/// An exception that the kernel itself raised.
// SAFETY: no other symbol of the kernel has this name; the assembly above branches to it with these
// arguments and a stack.
#[unsafe(no_mangle)]
extern "C" fn kernel_exception(esr: u64, elr: u64, far: u64) -> ! {
    panic!("exception in the kernel: ESR {esr:#x}, ELR {elr:#x}, FAR {far:#x}");
}
