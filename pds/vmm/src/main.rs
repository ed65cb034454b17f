// SPDX-License-Identifier: BSD-2-Clause
//! One guest's VMM.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
