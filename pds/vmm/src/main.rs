// SPDX-License-Identifier: BSD-2-Clause
//! One guest's VMM: binds the device model (`molt-vmm`) to its vCPU and its neighbours. The same binary serves every
//! guest; what differs stands in its brief.
#![no_std]
#![no_main]

mod brief;
mod console;
mod handler;
mod hardware;

use sel4_microkit::{Handler, protection_domain};

// The machine with its disks' private records (20 KiB each) lives in the handler, on this stack.
#[protection_domain(stack_size = 0x4_0000)]
fn init() -> impl Handler {
    handler::Vmm::new(brief::get())
}
