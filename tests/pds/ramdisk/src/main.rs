// SPDX-License-Identifier: BSD-2-Clause
//! A replaceable driver without a device, in a version that works and in versions that fail.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
