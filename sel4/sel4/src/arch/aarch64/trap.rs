// SPDX-License-Identifier: BSD-2-Clause
//! The system call instruction.

use crate::sys::Regs;

/// Enters the kernel with system call `number` (see [`crate::sys::syscall_id`]).
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
