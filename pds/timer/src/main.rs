// SPDX-License-Identifier: BSD-2-Clause
//! Owns the physical timer; wakes its clients at the time they asked for.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
