// SPDX-License-Identifier: BSD-2-Clause
//! The memory and registers that a generation's brief names.

use core::sync::atomic::AtomicU64;

use molt_brief::{PAGE, words};
use molt_control::Orders;
use molt_shared::Registers;
use molt_system::{DriverBrief, DriverClient};

/// The orders page (read only) and the report page.
pub fn control(brief: &DriverBrief) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(brief.orders, PAGE), words(brief.report, PAGE))
}

/// The ways to the device. An access after it was taken away faults.
#[derive(Debug)]
pub struct Hardware {
    /// Its registers.
    pub registers: Registers,
    /// The configuration space of the PCI function that it is, to read; `None`: it is none.
    pub configuration: Option<Registers>,
}

/// The device's registers, and its configuration space if it is a PCI function.
pub fn hardware(brief: &DriverBrief) -> Hardware {
    let configuration = brief.configuration;
    Hardware {
        registers: registers(brief),
        configuration: (configuration != 0).then(|| molt_brief::registers(configuration, PAGE)),
    }
}

/// The device's registers. An access after the device was taken away faults.
pub fn registers(brief: &DriverBrief) -> Registers {
    molt_brief::registers(brief.device, brief.device_size)
}

/// Memory that driver and device share, and its physical address.
pub fn ring(brief: &DriverBrief) -> (&'static [AtomicU64], u64) {
    (words(brief.ring.vaddr, brief.ring.size), brief.ring.paddr)
}

/// A client's queue.
pub fn queue(client: &DriverClient) -> &'static [AtomicU64] {
    words(client.queue, client.queue_words * 8)
}

/// The firmware that the device has to run; empty: none.
pub fn firmware(brief: &DriverBrief) -> &'static [u8] {
    let length = Orders::new(control(brief).0).firmware();
    mapped(brief.firmware.own, brief.firmware.size, length)
}

/// The firmware of the next generation, while it is to be transferred.
pub fn next_firmware(brief: &DriverBrief, length: usize) -> &'static [u8] {
    mapped(brief.firmware.next, brief.firmware.size, length)
}

fn mapped(vaddr: u64, size: u64, length: usize) -> &'static [u8] {
    let length = usize::try_from(size).map_or(0, |size| length.min(size));
    match length {
        0 => &[],
        _ => molt_brief::bytes(vaddr, length as u64),
    }
}
