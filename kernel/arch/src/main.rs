// SPDX-License-Identifier: BSD-2-Clause
//! The embedded kernel for AArch64: the hardware-dependent part (exception entry, page tables, GIC, vCPU) below the
//! portable core, `molt-kernel-core`.
//!
//! It runs at EL2, native threads at EL0 without EL1 (`HCR_EL2.TGE`), guests at EL1 and EL0. All of
//! them access memory through stage 2 tables of one format. There is one processor core, and the kernel runs with
//! interrupts masked; long operations poll for them.
#![no_std]
#![no_main]

extern crate alloc;

mod fault;
mod fp;
mod gic;
mod heap;
mod layout;
mod machine;
mod memory;
mod mmio;
mod paging;
mod registers;
mod spaces;
mod start;
mod switch;
mod timer;
mod uart;
mod vcpu;
mod vectors;
mod vgic;

use core::fmt::Write;

use molt_kernel_core::BootInput;
use molt_kernel_core::Kernel;

use crate::machine::Machine;
use crate::registers::instruction;

/// Called by the entry code with the loader's values; the device tree (x4, x5) is not used.
// SAFETY: no other symbol of the kernel has this name; `_start` branches to it with these arguments.
#[unsafe(no_mangle)]
extern "C" fn kernel_main(image_start: u64, image_end: u64, pv_offset: u64, entry: u64) -> ! {
    vectors::install();
    paging::activate();
    heap::open();
    fp::allow();
    let users = layout::users_ram();
    assert!(
        users.start <= image_start && image_start < image_end && image_end <= users.end,
        "root task at {image_start:#x}..{image_end:#x} is not in {users:#x?}"
    );
    let ram = [users.start..image_start, image_end..users.end];
    let input = BootInput {
        ram: &ram,
        device: &layout::DEVICES,
        image: image_start..image_end,
        image_vaddr: image_start.wrapping_sub(pv_offset),
        entry,
        irq_count: layout::IRQ_COUNT,
        reserved_irqs: &machine::RESERVED,
    };
    match Kernel::boot(Machine::new(), &input) {
        Ok(kernel) => switch::run(kernel),
        Err(error) => panic!("no root task: {error:?}"),
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let _ = writeln!(uart::Uart, "\nmolt-kernel: {info}");
    loop {
        instruction!("wfi");
    }
}
