// SPDX-License-Identifier: BSD-2-Clause
//! Safe access to a protection domain's brief, and to the memory and devices that it names. Only this crate turns the
//! addresses of a brief into memory.
//!
//! Why this is sound: addresses and sizes come from the brief, which the host tool has made together with the mappings,
//! and which nobody writes. Each range is either mapped permanently, or an access to it faults (a revocable region or a
//! device, while it is taken away). No other code makes references to any of it, and what is mapped read-only is only
//! read. Callers pass only addresses and sizes from a brief.
#![no_std]

use core::sync::atomic::AtomicU64;

use molt_shared::{Memory, Registers};
use molt_system::Brief;
use sel4_microkit::var;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// The brief that the tool has made for this program.
///
/// # Panics
/// If there is none, or one of another kind or version: the image was not made by the tool that belongs to this program.
pub fn get<T: Brief + 'static>() -> &'static T {
    let address = *var!(molt_brief: usize = 0);
    let size = *var!(molt_brief_size: usize = 0);
    assert!(address != 0, "no brief");
    match molt_system::brief::<T>(bytes(address as u64, size as u64)) {
        Ok(brief) => brief,
        Err(error) => panic!("brief: {error:?}"),
    }
}

/// Memory that nobody writes any more. Empty if the address is 0.
pub fn bytes(address: u64, size: u64) -> &'static [u8] {
    if address == 0 {
        return &[];
    }
    // SAFETY: see the crate's documentation; written by the tool, or before this program began.
    unsafe { molt_shared::bytes(address as usize, size as usize) }
}

/// Shared memory as words. Empty if the address is 0.
pub fn words(address: u64, size: u64) -> &'static [AtomicU64] {
    if address == 0 {
        return &[];
    }
    // SAFETY: see the crate's documentation; all accesses are through atomic words.
    unsafe { molt_shared::words(address as usize, size as usize) }
}

/// Shared memory with accesses of every width.
pub fn memory(address: u64, size: u64) -> Memory {
    // SAFETY: see the crate's documentation; all accesses are atomic.
    unsafe { Memory::new(address as usize, size as usize) }
}

/// A device's registers. The device accesses only memory that its driver gives it.
pub fn registers(address: u64, size: u64) -> Registers {
    // SAFETY: see the crate's documentation; mapped as device memory.
    unsafe { Registers::new(address as usize, size as usize) }
}
