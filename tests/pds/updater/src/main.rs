// SPDX-License-Identifier: BSD-2-Clause
//! Stands in for a PD that updates the firmware of a device that a guest drives itself.
//!
//! The device is a virtio disk, which has no firmware: what the bundle brings is read piece by piece, as it would be sent to a
//! device, and its version is reported. Meanwhile this PD alone has the disk's registers, and it fails if it finds them changed.
#![no_std]
#![no_main]

mod updater;

use molt_generation::{Generation, Sound, brief};
use sel4_microkit::{Handler, protection_domain};
use updater::Updater;

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    let brief = molt_brief::get();
    let image = molt_firmware::parse(brief::firmware(brief));
    let version = image.as_ref().map_or(0, |image| image.header().version);
    Generation::start(brief, version.into(), Sound, |brief, _| {
        Updater::start(brief::registers(brief), image)
    })
}
