// SPDX-License-Identifier: BSD-2-Clause
//! The virtio-blk driver's PD: one generation of the component.
#![no_std]
#![no_main]

mod brief;
mod fault;
mod generation;
mod version;

use generation::Generation;
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    fault::at_start();
    version::keep_padding();
    Generation::start(brief::get())
}
