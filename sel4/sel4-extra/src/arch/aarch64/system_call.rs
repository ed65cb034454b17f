// SPDX-License-Identifier: BSD-2-Clause
//! The system call instruction itself, for calls that upstream has no function for (in every configuration).
#![allow(unsafe_code, reason = "upstream does not offer these system calls")]

use sel4::Word;

/// Makes system call `number` (`sel4::sys::syscall_id`) with these values in x0 to x6; gives x0 to x5 as
/// they are then. x1 is the message's tag, x6 the reply object.
#[cfg(target_arch = "aarch64")]
pub fn system_call(number: i32, [x0, x1, x2, x3, x4, x5, x6]: [Word; 7]) -> [Word; 6] {
    let mut after = [x0, x1, x2, x3, x4, x5];
    let [x0, x1, x2, x3, x4, x5] = &mut after;
    // SAFETY: the kernel changes no register but x0 to x5, and no memory of the program but its IPC
    // buffer, of which the compiler is told (no `nomem`).
    unsafe {
        core::arch::asm!(
            "svc #0",
            inlateout("x0") *x0,
            inlateout("x1") *x1,
            inlateout("x2") *x2,
            inlateout("x3") *x3,
            inlateout("x4") *x4,
            inlateout("x5") *x5,
            in("x6") x6,
            in("x7") i64::from(number),
            options(nostack),
        );
    }
    after
}

/// There is no kernel on the host. This exists so that crates which are tested on the host build there.
#[cfg(not(target_arch = "aarch64"))]
pub fn system_call(number: i32, registers: [Word; 7]) -> [Word; 6] {
    panic!("system call {number} on the host: {registers:?}");
}
