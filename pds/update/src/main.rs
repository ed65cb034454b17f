// SPDX-License-Identifier: BSD-2-Clause
//! The privileged PD that denies, revokes, grants and supervises.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
