// SPDX-License-Identifier: BSD-2-Clause
//! From the brief to safe handles: the only place where addresses become memory.

use core::sync::atomic::AtomicU64;

use molt_shared::Memory;
use molt_system::{GatePages, NONE, VmmBrief, VmmShare};
use sel4_microkit::{Channel, var};

const PAGE: u64 = 4096;

/// Where the data begins in the queue region, in bytes.
const DATA: u64 = 0x10_0000;

/// The brief that the tool has made for this PD.
///
/// # Panics
/// If there is none: the image was not made by the tool that belongs to this program.
pub fn get() -> &'static VmmBrief {
    let address = *var!(molt_brief: usize = 0);
    let size = *var!(molt_brief_size: usize = 0);
    assert!(address != 0, "no brief");
    // SAFETY: the tool maps the brief there, read only, for good.
    let bytes = unsafe { molt_shared::bytes(address, size) };
    match molt_system::brief::<VmmBrief>(bytes) {
        Ok(brief) => brief,
        Err(error) => panic!("brief: {error:?}"),
    }
}

/// The archive of bundles; empty where the description has none.
pub fn bundles() -> &'static [u8] {
    let address = *var!(bundles: usize = 0);
    let size = *var!(bundles_size: usize = 0);
    if address == 0 {
        return &[];
    }
    // SAFETY: the description maps the prefilled region there, and nobody writes it.
    unsafe { molt_shared::bytes(address, size) }
}

/// Both gate pages: `to_client`, `to_update`.
pub fn gate_pages(gate: &GatePages) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(gate.to_client, PAGE), words(gate.to_update, PAGE))
}

/// The memory that the device reads and writes, of a client whose driver has one.
pub fn memory(brief: &VmmBrief) -> Memory {
    // SAFETY: the tool maps it there, read-write, for good; this is the only access to it here.
    unsafe { Memory::new(brief.memory.vaddr as usize, brief.memory.size as usize) }
}

/// The queue of a client whose data stands behind it in the same region ([`data`]).
pub fn queue(block: &VmmShare) -> &'static [AtomicU64] {
    words(block.queue, DATA)
}

/// The data of requests, behind the queue in the same region: away while the gate is closed.
pub fn data(block: &VmmShare) -> Memory {
    // SAFETY: the plan has it there, or an access faults; this is the only access to it here.
    unsafe {
        Memory::new(
            (block.queue + DATA) as usize,
            (block.queue_words * 8 - DATA) as usize,
        )
    }
}

/// The staging region.
pub fn staging(brief: &VmmBrief) -> Memory {
    let doorbell = &brief.doorbell;
    // SAFETY: the tool maps it there, read-write, for good; this is the only access to it here.
    unsafe {
        Memory::new(
            doorbell.staging_vaddr as usize,
            doorbell.staging_size as usize,
        )
    }
}

/// A channel of the brief, if it is there.
pub fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}

/// Memory that is shared: a queue, a ring, a gate page.
pub fn words(address: u64, size: u64) -> &'static [AtomicU64] {
    if address == 0 {
        return &[];
    }
    // SAFETY: the tool maps it there, or an access faults (the queue while the gate is closed); this program refers to it
    // through this slice only, and does not store to what is read only.
    unsafe { molt_shared::words(address as usize, size as usize) }
}
