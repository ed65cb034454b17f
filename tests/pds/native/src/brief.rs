// SPDX-License-Identifier: BSD-2-Clause
//! The memory that a native client's brief names.

use core::sync::atomic::AtomicU64;

use molt_brief::PAGE;
pub use molt_brief::{get, words};
use molt_shared::Memory;
use molt_system::{GatePages, NONE, VmmBrief, VmmShare};
use sel4_microkit::{Channel, var};

/// Where the data begins in the queue region, in bytes.
const DATA: u64 = 0x10_0000;

/// The archive of bundles; empty where the description has none.
pub fn bundles() -> &'static [u8] {
    let address = *var!(bundles: usize = 0);
    let size = *var!(bundles_size: usize = 0);
    molt_brief::bytes(address as u64, size as u64)
}

/// A bundle of the archive, from 0 on: its name and its content. The archive is searched from its beginning, which takes long
/// where there are many.
pub fn bundle(archive: &'static [u8], number: usize) -> Option<(&'static str, &'static [u8])> {
    let files = cpio_reader::iter_files(archive).map(|entry| (entry.name(), entry.file()));
    files.filter(|(_, file)| !file.is_empty()).nth(number)
}

/// Both gate pages: `to_client`, `to_update`.
pub fn gate_pages(gate: &GatePages) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(gate.to_client, PAGE), words(gate.to_update, PAGE))
}

/// The memory that the device reads and writes, of a client whose driver has one.
pub fn memory(brief: &VmmBrief) -> Memory {
    molt_brief::memory(brief.memory.vaddr, brief.memory.size)
}

/// The queue of a client whose data stands behind it in the same region ([`data`]).
pub fn queue(block: &VmmShare) -> &'static [AtomicU64] {
    words(block.queue, DATA)
}

/// The data of requests, behind the queue in the same region: away while the gate is closed.
pub fn data(block: &VmmShare) -> Memory {
    molt_brief::memory(block.queue + DATA, block.queue_words * 8 - DATA)
}

/// The staging region.
pub fn staging(brief: &VmmBrief) -> Memory {
    let doorbell = &brief.doorbell;
    molt_brief::memory(doorbell.staging_vaddr, doorbell.staging_size)
}

/// A channel of the brief, if it is there.
pub fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}
