// SPDX-License-Identifier: BSD-2-Clause
//! From the brief to safe handles: the only place where addresses become memory.

use core::sync::atomic::AtomicU64;

use molt_shared::Registers;
use molt_system::{DriverBrief, DriverClient};
use sel4_microkit::var;

const PAGE: u64 = 4096;

/// The brief that the tool has made for this component.
///
/// # Panics
/// If there is none: the image was not made by the tool that belongs to this program.
pub fn get() -> &'static DriverBrief {
    let address = *var!(molt_brief: usize = 0);
    let size = *var!(molt_brief_size: usize = 0);
    assert!(address != 0, "no brief");
    // SAFETY: `stage` maps the brief there, read only, for as long as the generation lives.
    let bytes = unsafe { molt_shared::bytes(address, size) };
    match molt_system::brief::<DriverBrief>(bytes) {
        Ok(brief) => brief,
        Err(error) => panic!("brief: {error:?}"),
    }
}

/// The orders page (read only) and the report page.
pub fn control(brief: &DriverBrief) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(brief.orders, PAGE), words(brief.report, PAGE))
}

/// The device's registers.
pub fn registers(brief: &DriverBrief) -> Registers {
    // SAFETY: `update` maps the device there before the generation starts; an access after it was taken
    // away faults. The device reaches no memory but the ring and what the clients ask for.
    unsafe { Registers::new(brief.device as usize, brief.device_size as usize) }
}

/// Memory that driver and device share, and its physical address.
pub fn ring(brief: &DriverBrief) -> (&'static [AtomicU64], u64) {
    (words(brief.ring.vaddr, brief.ring.size), brief.ring.paddr)
}

/// A client's queue.
pub fn queue(client: &DriverClient) -> &'static [AtomicU64] {
    words(client.queue, client.queue_words * 8)
}

fn words(address: u64, size: u64) -> &'static [AtomicU64] {
    if address == 0 {
        return &[];
    }
    // SAFETY: mapped there for the generation, or an access faults (regions that `update` grants and
    // takes); this program refers to it through this slice only, and does not store to what is read only.
    unsafe { molt_shared::words(address as usize, size as usize) }
}
