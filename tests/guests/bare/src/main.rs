// SPDX-License-Identifier: BSD-2-Clause
//! A bare-metal guest that writes, reads back and compares.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
