// SPDX-License-Identifier: BSD-2-Clause
//! A static heap.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    mem::MaybeUninit,
    ptr::NonNull,
};

/// A global allocator over `SIZE` static bytes.
#[repr(C, align(16))]
pub struct Heap<const SIZE: usize> {
    memory: UnsafeCell<MaybeUninit<[u8; SIZE]>>,
    state: UnsafeCell<State>,
}

struct State {
    heap: linked_list_allocator::Heap,
    ready: bool,
}

// SAFETY: a protection domain has one thread, and the allocator never calls back into itself.
unsafe impl<const SIZE: usize> Sync for Heap<SIZE> {}

impl<const SIZE: usize> Heap<SIZE> {
    /// A heap of which nothing is in use.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            memory: UnsafeCell::new(MaybeUninit::uninit()),
            state: UnsafeCell::new(State {
                heap: linked_list_allocator::Heap::empty(),
                ready: false,
            }),
        }
    }

    /// The allocator, made ready at its first use.
    ///
    /// # Safety
    /// One caller at a time, which does not keep the reference.
    #[allow(clippy::mut_from_ref)]
    unsafe fn state(&self) -> &mut linked_list_allocator::Heap {
        // SAFETY: the caller's contract: this is the only reference.
        let state = unsafe { &mut *self.state.get() };
        if !state.ready {
            // SAFETY: the memory belongs to this heap alone and lives as long.
            unsafe { state.heap.init(self.memory.get().cast(), SIZE) };
            state.ready = true;
        }
        &mut state.heap
    }
}

// SAFETY: blocks come from `linked_list_allocator`, out of memory that nothing else uses.
unsafe impl<const SIZE: usize> GlobalAlloc for Heap<SIZE> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread; the reference ends here.
        unsafe { self.state() }
            .allocate_first_fit(layout)
            .map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if let Some(ptr) = NonNull::new(ptr) {
            // SAFETY: one thread; the block came from `alloc` with this layout.
            unsafe { self.state().deallocate(ptr, layout) };
        }
    }
}
