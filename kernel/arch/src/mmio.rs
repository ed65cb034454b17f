// SPDX-License-Identifier: BSD-2-Clause
//! Access to the registers of the devices that the kernel keeps for itself.

use crate::layout::OFFSET;

/// One page of 32-bit registers.
pub struct Page(*mut u32);

impl Page {
    /// The page at a physical address.
    ///
    /// # Safety
    /// The page is one of the kernel's own devices, and no user has it mapped.
    pub unsafe fn new(paddr: u64) -> Self {
        Self((paddr + OFFSET) as *mut u32)
    }

    /// Reads the register at a byte offset.
    pub fn read(&self, offset: usize) -> u32 {
        assert!(offset < 0x1000 && offset.is_multiple_of(4));
        // SAFETY: inside the page, which is mapped as device memory.
        unsafe { self.0.byte_add(offset).read_volatile() }
    }

    /// Writes it.
    pub fn write(&self, offset: usize, value: u32) {
        assert!(offset < 0x1000 && offset.is_multiple_of(4));
        // SAFETY: inside the page; interrupt controllers do not reach into memory.
        unsafe { self.0.byte_add(offset).write_volatile(value) };
    }
}
