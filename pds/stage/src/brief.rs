// SPDX-License-Identifier: BSD-2-Clause
//! From the brief to safe handles: the only place where addresses become memory.

use core::sync::atomic::AtomicU64;

use molt_shared::Memory;
use molt_system::{StageBrief, StageComponent, StageLink, Staging};
use sel4_microkit::var;

const PAGE: usize = 4096;

/// The brief that the tool has made for this PD.
///
/// # Panics
/// If there is none: the image was not made by the tool that belongs to this program.
pub fn get() -> &'static StageBrief {
    let address = *var!(molt_brief: usize = 0);
    let size = *var!(molt_brief_size: usize = 0);
    assert!(address != 0, "no brief");
    // SAFETY: the tool maps the brief there, read only, for good.
    let bytes = unsafe { molt_shared::bytes(address, size) };
    match molt_system::brief::<StageBrief>(bytes) {
        Ok(brief) => brief,
        Err(error) => panic!("brief: {error:?}"),
    }
}

/// The pages of commands and of answers.
pub fn pages(link: &StageLink) -> (&'static [AtomicU64], &'static [AtomicU64]) {
    // SAFETY: the tool maps both pages for good; the first is only read here.
    unsafe {
        (
            molt_shared::words(link.commands as usize, PAGE),
            molt_shared::words(link.results as usize, PAGE),
        )
    }
}

/// A guest's staging region.
pub fn staging(staging: &Staging) -> Memory {
    // SAFETY: the tool maps it there for good; it is only read here, and by atomics.
    unsafe { Memory::new(staging.vaddr as usize, staging.size as usize) }
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
    // SAFETY: the tool maps it there, read only, for good.
    unsafe {
        molt_shared::bytes(
            component.brief as usize,
            component.entry.brief_size as usize,
        )
    }
}

/// The page of the window in which a frame is mapped while it is filled.
///
/// # Safety
/// A frame that nobody else maps is mapped read-write at `address` for as long as the slice is used.
pub unsafe fn window_page(address: usize) -> &'static mut [u8] {
    // SAFETY: as the caller promises.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, PAGE) }
}

fn place(component: &StageComponent, slot: usize) -> Option<(usize, usize)> {
    let size = usize::try_from(component.bundle_slot_size).ok()?;
    if slot >= component.bundle_slots as usize {
        return None;
    }
    Some((component.bundles as usize + slot * size, size))
}
