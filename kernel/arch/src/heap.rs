// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's heap: the core's object tables grow in it.

use core::ptr::addr_of_mut;

use linked_list_allocator::LockedHeap;

/// Bytes of heap.
const SIZE: usize = 32 << 20;

#[repr(C, align(4096))]
struct Space([u8; SIZE]);

static mut SPACE: Space = Space([0; SIZE]);

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

/// Opens the heap. Called once, first of all.
pub fn open() {
    // SAFETY: the space is used for nothing else, and this runs once.
    unsafe { HEAP.lock().init(addr_of_mut!(SPACE).cast(), SIZE) };
}
