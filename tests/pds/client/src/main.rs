// SPDX-License-Identifier: BSD-2-Clause
//! A native client of a replaceable driver: the heart's test, without guest or device.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
