// SPDX-License-Identifier: BSD-2-Clause
//! The embedded kernel for AArch64: exception entry, page tables, GIC, vCPU.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
