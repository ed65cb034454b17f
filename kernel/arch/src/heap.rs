// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's heap, for the core's object tables. It is at the top of RAM, where the real
//! kernel has what it makes at boot, so that the free RAM has the same shape.

use linked_list_allocator::LockedHeap;

use crate::layout::{HEAP, OFFSET};

#[global_allocator]
static ALLOCATOR: LockedHeap = LockedHeap::empty();

/// Opens the heap. Called once, first of all.
pub fn open() {
    let size = (HEAP.end - HEAP.start) as usize;
    // SAFETY: mapped RAM that is used for nothing else (`users_ram` ends below it), and this runs once.
    unsafe {
        ALLOCATOR
            .lock()
            .init((HEAP.start + OFFSET) as *mut u8, size)
    };
}
