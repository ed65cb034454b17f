// SPDX-License-Identifier: BSD-2-Clause
//! From the brief to safe handles: the only place where addresses become memory.

use core::sync::atomic::AtomicU64;

use molt_shared::Registers;
use molt_system::UpdateBrief;
use sel4_microkit::var;

const PAGE: u64 = 4096;

/// The plan that the tool has made.
///
/// # Panics
/// If there is none: the image was not made by the tool that belongs to this program.
pub fn get() -> &'static UpdateBrief {
    let address = *var!(molt_brief: usize = 0);
    let size = *var!(molt_brief_size: usize = 0);
    assert!(address != 0, "no brief");
    // SAFETY: the tool maps the brief there, read only, for good.
    let bytes = unsafe { molt_shared::bytes(address, size) };
    match molt_system::brief::<UpdateBrief>(bytes) {
        Ok(brief) => brief,
        Err(error) => panic!("brief: {error:?}"),
    }
}

/// A page, or more, that the plan says is mapped; empty where the address is 0.
pub fn words(address: u64, size: u64) -> &'static [AtomicU64] {
    if address == 0 {
        return &[];
    }
    // SAFETY: the tool maps shared memory there for good; all accesses are through atomic words.
    unsafe { molt_shared::words(address as usize, size as usize) }
}

/// The first page of a device, which the stop routine has mapped at the plan's address.
pub fn registers(address: u64) -> Registers {
    // SAFETY: mapped as device memory by the caller (`stop`) before any access, taken away after the last one. Nothing
    // that is written there makes the device reach memory of this PD.
    unsafe { Registers::new(address as usize, PAGE as usize) }
}
