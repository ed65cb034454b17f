// SPDX-License-Identifier: BSD-2-Clause
//! The virtio-blk driver's PD.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
