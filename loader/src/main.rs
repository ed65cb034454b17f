// SPDX-License-Identifier: BSD-2-Clause
//! From the machine's entry state to either kernel's boot protocol.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
