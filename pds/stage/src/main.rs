// SPDX-License-Identifier: BSD-2-Clause
//! Copies and verifies bundles, builds new generations in a free arena.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
