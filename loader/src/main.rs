// SPDX-License-Identifier: BSD-2-Clause
//! From the machine's entry state to either kernel's boot protocol.
//!
//! Entered at EL2 with the MMU off, at the first byte of the image. In order: check the payload
//! (nothing is written before all of it is found good), turn on the MMU with RAM and the UART mapped
//! at their own addresses and the kernel at its virtual one, copy kernel and root task to their
//! places, make the copies visible to instruction fetch, enter the kernel.
//!
//! The kernel gets x0 first and x1 end of the root task's image (physical), x2 its
//! physical-minus-virtual offset, x3 its virtual entry, x4 and x5 address and size of a device tree.
#![no_std]
#![no_main]

mod copy;
mod enter;
mod tables;
mod uart;

use core::fmt::Write;

use molt_payload::{Header, LINK_ADDRESS, PAYLOAD_OFFSET};

use crate::uart::Uart;

/// Called by the entry code with a stack, bss cleared, at EL2.
#[unsafe(no_mangle)]
extern "C" fn loader_main(exception_level: u64) -> ! {
    if exception_level != 2 {
        stop(format_args!(
            "entered at EL{exception_level}, not EL2 (QEMU: -machine virt,virtualization=on)"
        ));
    }
    // SAFETY: the linker script keeps the loader below PAYLOAD_OFFSET, RAM reaches further than the
    // header, every bit pattern is a Header, and nothing writes to it while the loader runs
    // (`check` refuses copies that would).
    let header = unsafe { &*((LINK_ADDRESS + PAYLOAD_OFFSET) as *const Header) };
    let plan = match molt_payload::check(header) {
        Ok(plan) => plan,
        Err(error) => stop(format_args!("{error}")),
    };
    tables::enable(header.kernel_vaddr.get(), header.kernel_paddr.get());
    for copy in plan.copies() {
        copy::carry_out(copy);
    }
    copy::before_execution();
    enter::kernel(header)
}

/// Says why there is nothing to start, and stays.
fn stop(reason: core::fmt::Arguments) -> ! {
    let _ = writeln!(Uart, "loader: {reason}");
    loop {
        enter::wait();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    stop(format_args!("{}", info.message()))
}
