// SPDX-License-Identifier: BSD-2-Clause
//! The virtio-blk driver's PD: one generation of the component.
#![no_std]
#![no_main]

mod version;

use molt_virtio_blk::Disk;
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    version::keep_padding();
    molt_block_pd::start(version::IMAGE, |hardware, ring| {
        Disk::start(hardware.registers, hardware.configuration.as_ref(), ring)
    })
}
