// SPDX-License-Identifier: BSD-2-Clause
//! From the brief to safe handles: the only place where addresses become memory.

use alloc::boxed::Box;
use core::sync::atomic::AtomicU64;

use molt_block_queue::Client;
use molt_gate::ClientGate;
use molt_shared::Memory;
use molt_system::{Class, GatePages, NONE, VmmBrief, VmmShare};
use molt_vmm::virtio::block::Block;
use molt_vmm::virtio::link::Link;
use molt_vmm::{Device, Doorbell, Ram};
use sel4_microkit::{Channel, var};

const PAGE: usize = 4096;

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

/// The guest's memory.
pub fn ram(brief: &VmmBrief) -> Ram {
    let memory = &brief.memory;
    // SAFETY: the tool maps the guest's memory there, read-write, for good; this is the only access to it here.
    Ram::new(
        unsafe { Memory::new(memory.vaddr as usize, memory.size as usize) },
        memory.guest,
    )
}

/// Both gate pages: `to_client`, `to_update`. Empty slices where there are none.
pub fn gate_pages(gate: &GatePages) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (
        words(gate.to_client, PAGE as u64),
        words(gate.to_update, PAGE as u64),
    )
}

/// The device for the guest's share numbered `n`; `None` for a class that this program knows no device for.
pub fn device(share: &VmmShare, gate: &GatePages, n: usize) -> Option<Box<dyn Device>> {
    let (to_client, to_update) = gate_pages(gate);
    let gate = ClientGate::new(to_client, to_update, share.component as usize);
    let queue = words(share.queue, share.queue_words * 8);
    let registers = match share.registers {
        0 => &[],
        page => words(page, PAGE as u64),
    };
    match Class::from_number(share.class)? {
        Class::Block => {
            let [_, sectors, ..] = share.share;
            let link = Link::new(Client::new(queue), gate, n);
            Some(Box::new(Block::new(link, sectors, registers)))
        }
        Class::Entropy => None,
    }
}

/// The doorbell, if there is one.
pub fn bell(brief: &VmmBrief) -> Option<Doorbell<'static>> {
    let doorbell = &brief.doorbell;
    if doorbell.present == 0 {
        return None;
    }
    let (to_client, to_update) = gate_pages(&brief.gate);
    let staging = (doorbell.staging_guest, doorbell.staging_size);
    Some(Doorbell::new(to_client, to_update, staging))
}

/// The ring to the console.
pub fn ring(brief: &VmmBrief) -> &'static [AtomicU64] {
    words(brief.log.vaddr, brief.log.size)
}

/// A channel of the brief, if it is there.
pub fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}

fn words(address: u64, size: u64) -> &'static [AtomicU64] {
    if address == 0 {
        return &[];
    }
    // SAFETY: the tool maps shared memory there; a revocable region may be away, which makes an access fault. All
    // accesses are through atomic words.
    unsafe { molt_shared::words(address as usize, size as usize) }
}
