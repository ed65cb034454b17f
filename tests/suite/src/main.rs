// SPDX-License-Identifier: BSD-2-Clause
//! The target suite: each kernel object and each syscall, in the manner of sel4test.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
