// SPDX-License-Identifier: BSD-2-Clause
//! Owns the UART; prints the lines of every client.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
