// SPDX-License-Identifier: BSD-2-Clause
//! The objects that the root task makes for itself, from the same memory and slots as the system's objects.

use crate::kernel::{Kernel, Slot};
use crate::memory::{Memory, OutOfMemory};
use molt_system::boot::Kind;

/// Why it could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnFailure<E> {
    /// There is no memory for a page table.
    Memory,
    /// An invocation failed.
    Kernel(E),
}

impl<E> From<OutOfMemory> for OwnFailure<E> {
    fn from(_: OutOfMemory) -> Self {
        OwnFailure::Memory
    }
}

/// Page tables for one gibibyte of its address space and the first 2 MiB there; the page of the UART, if there is one, mapped
/// at an address. `next` is the next free slot.
///
/// # Errors
/// What failed; the slots taken until then are in use.
pub fn own_window<K: Kernel>(
    kernel: &mut K,
    memory: &mut Memory,
    next: &mut Slot,
    vspace: Slot,
    window: u64,
    uart: Option<(Slot, u64)>,
) -> Result<(), OwnFailure<K::Error>> {
    // The upper table first, then the one of 4 KiB pages.
    for _ in 0..2 {
        for part in &memory.anywhere(12, 1)? {
            let table = take(next);
            kernel
                .retype(part.untyped, Kind::PageTable, 0, table, 1)
                .and_then(|()| kernel.map_table(vspace, table, window))
                .map_err(OwnFailure::Kernel)?;
        }
    }
    if let Some((frame, address)) = uart {
        let copy = take(next);
        kernel
            .copy(frame, copy, ALL, 0)
            .and_then(|()| kernel.map(vspace, copy, address, READ_WRITE, EXECUTE_NEVER))
            .map_err(OwnFailure::Kernel)?;
    }
    Ok(())
}

/// Rights of a copy.
const ALL: u32 = 15;
/// Rights of a mapping.
const READ_WRITE: u32 = 3;
/// VM attributes of a device (seL4's `ARM_VMAttributes`): not cacheable.
const EXECUTE_NEVER: u64 = 4;

fn take(next: &mut Slot) -> Slot {
    *next += 1;
    *next - 1
}
