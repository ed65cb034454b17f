// SPDX-License-Identifier: BSD-2-Clause
//! The one instruction by which the kernel is entered.

use crate::sys::Regs;

/// Enters the kernel with system call `number` (see [`crate::sys::syscall_id`]).
pub(crate) fn trap(number: i32, regs: &mut Regs) {
    // The instruction itself changes rcx and r11 (Intel SDM, volume 2, SYSCALL), and the stack pointer is lost between it and
    // SYSRET, so r14, which the kernel keeps, holds it meanwhile.
    // SAFETY: the kernel changes rdi, rsi, rdx and the message registers, and of memory (no `nomem`, as on AArch64) the IPC
    // buffer and what the invoked capability is meant to change.
    unsafe {
        core::arch::asm!(
            "mov r14, rsp",
            "syscall",
            "mov rsp, r14",
            inlateout("rdi") regs.cptr,
            inlateout("rsi") regs.info,
            inlateout("r10") regs.mr[0],
            inlateout("r8") regs.mr[1],
            inlateout("r9") regs.mr[2],
            inlateout("r15") regs.mr[3],
            inlateout("rdx") i64::from(number) => _,
            in("r12") regs.reply,
            in("r13") regs.dest,
            out("r14") _,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
}
