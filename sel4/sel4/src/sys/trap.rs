// SPDX-License-Identifier: BSD-2-Clause
//! The system call instruction.

use crate::Word;

/// The machine registers of a system call.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]
pub(crate) struct Regs {
    /// x0. In: capability pointer. Out: badge.
    pub(crate) cptr: Word,
    /// x1. Message info, in and out.
    pub(crate) info: Word,
    /// x2 to x5. The first message registers, in and out.
    pub(crate) mr: [Word; 4],
    /// x6. Reply object.
    pub(crate) reply: Word,
    /// x8. Where the combined calls send to.
    pub(crate) dest: Word,
}

/// Enters the kernel with system call `number` (see [`super::syscall_id`]).
#[cfg(target_arch = "aarch64")]
pub(crate) fn trap(number: i32, regs: &mut Regs) {
    // SAFETY: the kernel changes no register but x0 to x5, and no memory of the program but its IPC buffer and what the
    // capability is meant to change (an unmap under one's own feet is up to whoever holds it); the compiler is told that
    // memory may change (no `nomem`).
    unsafe {
        core::arch::asm!(
            "svc #0",
            inlateout("x0") regs.cptr,
            inlateout("x1") regs.info,
            inlateout("x2") regs.mr[0],
            inlateout("x3") regs.mr[1],
            inlateout("x4") regs.mr[2],
            inlateout("x5") regs.mr[3],
            in("x6") regs.reply,
            in("x7") i64::from(number),
            in("x8") regs.dest,
            options(nostack),
        );
    }
}

/// There is no kernel to enter here: the crate builds on the host for the tests of its encodings.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn trap(number: i32, regs: &mut Regs) {
    panic!("system call {number} on the host: {regs:?}");
}
