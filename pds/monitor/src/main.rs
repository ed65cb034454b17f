// SPDX-License-Identifier: BSD-2-Clause
//! The root task: makes every static PD from the packed system and stays as its fault endpoint.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
