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

/// Translation tables for one gibibyte of its address space and the first 2 MiB there: log2 of the bytes that each translates,
/// and what it is made as. `next` is the next free slot.
///
/// # Errors
/// What failed; the slots taken until then are in use.
pub fn own_window<K: Kernel>(
    kernel: &mut K,
    memory: &mut Memory,
    next: &mut Slot,
    vspace: Slot,
    window: u64,
    tables: [(u32, Kind); 2],
) -> Result<(), OwnFailure<K::Error>> {
    for (bits, kind) in tables {
        for part in &memory.anywhere(12, 1)? {
            let table = take(next);
            kernel
                .retype(part.untyped, kind, 0, table, 1)
                .and_then(|()| kernel.map_table(vspace, table, window, bits))
                .map_err(OwnFailure::Kernel)?;
        }
    }
    Ok(())
}

fn take(next: &mut Slot) -> Slot {
    *next += 1;
    *next - 1
}
