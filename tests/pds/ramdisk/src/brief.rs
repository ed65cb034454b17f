// SPDX-License-Identifier: BSD-2-Clause
//! The memory and registers that a generation's brief names.

use core::sync::atomic::AtomicU64;

use molt_brief::{PAGE, words};
use molt_shared::Registers;
use molt_system::{DriverBrief, DriverClient};

/// Where the data begins in the queue region, in bytes.
pub const DATA: usize = 0x10_0000;

/// The orders page (read only) and the report page.
pub fn control(brief: &DriverBrief) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(brief.orders, PAGE), words(brief.report, PAGE))
}

/// The disk.
pub fn disk(brief: &DriverBrief) -> &'static [AtomicU64] {
    words(brief.ring.vaddr, brief.ring.size)
}

/// The registers of the device, where the system has one. It reaches no memory.
pub fn device(brief: &DriverBrief) -> Option<Registers> {
    (brief.device != 0).then(|| molt_brief::registers(brief.device, brief.device_size))
}

/// A client's queue, and its data.
pub fn queue(client: &DriverClient) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    words(client.queue, client.queue_words * 8).split_at(DATA / 8)
}
