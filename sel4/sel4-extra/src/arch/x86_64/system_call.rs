// SPDX-License-Identifier: BSD-2-Clause
//! The system call instruction itself, for calls that upstream has no function for (in every configuration).
#![allow(unsafe_code, reason = "upstream does not offer these system calls")]

use sel4::Word;

/// Makes system call `number` (`sel4::sys::syscall_id`) with these values: capability, message's tag, four message
/// registers, reply object; gives the first six as they are then.
pub fn system_call(number: i32, [cptr, tag, m0, m1, m2, m3, reply]: [Word; 7]) -> [Word; 6] {
    let mut after = [cptr, tag, m0, m1, m2, m3];
    let [cptr, tag, m0, m1, m2, m3] = &mut after;
    // SAFETY: the kernel changes no register but these; the instruction changes rcx and r11, and the stack pointer is kept
    // in r14 over it. Memory of the program that it changes is the IPC buffer, of which the compiler is told (no `nomem`).
    unsafe {
        core::arch::asm!(
            "mov r14, rsp",
            "syscall",
            "mov rsp, r14",
            inlateout("rdi") *cptr,
            inlateout("rsi") *tag,
            inlateout("r10") *m0,
            inlateout("r8") *m1,
            inlateout("r9") *m2,
            inlateout("r15") *m3,
            inlateout("rdx") i64::from(number) => _,
            in("r12") reply,
            out("r14") _,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    after
}
