// SPDX-License-Identifier: BSD-2-Clause
//! The SD host controller driver's PD: one generation of the component.
#![no_std]
#![no_main]

use molt_block_pd::Image;
use molt_clock::Frequency;
use molt_sdhci::{Disk, Width};
use sel4_microkit::{Handler, protection_domain};

/// What tells this image from others.
const IMAGE: Image = if cfg!(feature = "v2") {
    Image {
        version: 2,
        batch: 1,
    }
} else {
    Image {
        version: 1,
        batch: 1,
    }
};
const WIDTH: Width = if cfg!(feature = "v2") {
    Width::Four
} else {
    Width::One
};

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    molt_block_pd::start(IMAGE, |hardware, ring| {
        Disk::start(hardware.registers, ring, WIDTH, pause)
    })
}

/// Spins: only the start waits so, and for longer than a few microseconds once, when the card gets power.
fn pause(us: u32) {
    let clock = Frequency::of_this_machine();
    let end = molt_clock::now().saturating_add(clock.ticks(u64::from(us) * 1000));
    while molt_clock::now() < end {
        core::hint::spin_loop();
    }
}
