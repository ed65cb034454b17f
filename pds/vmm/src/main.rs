// SPDX-License-Identifier: BSD-2-Clause
//! One guest's VMM: connects the device model (`molt-vmm`) with its vCPU and its neighbours. The same binary serves every
//! guest; what differs between guests is in the brief.
#![no_std]
#![no_main]

extern crate alloc;

mod brief;
mod console;
mod event;
mod hardware;
mod registers;
mod vmm;

use sel4_microkit::{NullHandler, protection_domain};

// The heap holds the devices with their queues' private records (a disk: 130 KiB). The stack holds one record while it is
// made.
#[protection_domain(stack_size = 0x8_0000, heap_size = 0x10_0000)]
fn init() -> NullHandler {
    vmm::Vmm::new(molt_brief::get()).run()
}
