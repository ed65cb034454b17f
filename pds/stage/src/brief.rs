// SPDX-License-Identifier: BSD-2-Clause
//! The memory that `stage`'s brief names. Bundle slots and the window are ordinary memory that only `stage` maps, so they are
//! turned into slices here.

use core::sync::atomic::AtomicU64;

use molt_brief::{PAGE, words};
use molt_shared::Memory;
use molt_system::{StageComponent, StageLink, Staging};

/// The pages of commands and of answers.
pub fn pages(link: &StageLink) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    (words(link.commands, PAGE), words(link.results, PAGE))
}

/// A guest's staging region.
pub fn staging(staging: &Staging) -> Memory {
    molt_brief::memory(staging.vaddr, staging.size)
}

/// A bundle slot, to write to. `None` if the component has no such slot.
pub fn slot_mut(component: &StageComponent, slot: usize) -> Option<&'static mut [u8]> {
    let (address, size) = place(component, slot)?;
    // SAFETY: the tool maps the slots read-write for this PD alone. The PD does one command at a time, and no reference
    // outlives its command.
    Some(unsafe { core::slice::from_raw_parts_mut(address as *mut u8, size) })
}

/// A bundle slot, to read.
pub fn slot(component: &StageComponent, slot: usize) -> Option<&'static [u8]> {
    slot_mut(component, slot).map(|bytes| &*bytes)
}

/// The bytes of the driver's brief.
pub fn driver_brief(component: &StageComponent) -> &'static [u8] {
    molt_brief::bytes(component.brief, component.entry.brief_size)
}

/// The page of the window in which a frame is mapped while it is filled.
///
/// # Safety
/// A frame that nobody else maps is mapped read-write at `address` for as long as the slice is used.
pub unsafe fn window_page(address: usize) -> &'static mut [u8] {
    // SAFETY: as the caller promises.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, PAGE as usize) }
}

fn place(component: &StageComponent, slot: usize) -> Option<(usize, usize)> {
    let size = usize::try_from(component.bundle_slot_size).ok()?;
    if slot >= component.bundle_slots as usize {
        return None;
    }
    Some((component.bundles as usize + slot * size, size))
}
