// SPDX-License-Identifier: BSD-2-Clause
//! The users' RAM, accessed by physical address. Every access is checked to be in RAM that
//! is not the kernel's own, so that no mistake of the core can corrupt memory that Rust manages.

use core::ops::Range;

use molt_kernel_core::hardware::CacheOperation;

use crate::layout::{self, OFFSET};
use crate::registers::{instruction, read_register};

/// The window on users' RAM.
pub struct Memory {
    allowed: Range<u64>,
    /// Bytes that one cache operation by address covers at least.
    line: u64,
    /// Bytes that `DC ZVA` clears.
    zero_block: u64,
}

impl Memory {
    /// The window between the kernel and its heap.
    pub fn new() -> Self {
        // CTR_EL0.DminLine and DCZID_EL0.BS: log2 of words of 4 bytes (Arm ARM D24.2.34, D24.2.40).
        Self {
            allowed: layout::users_ram(),
            line: 4 << (read_register!("ctr_el0") >> 16 & 0xf),
            zero_block: 4 << (read_register!("dczid_el0") & 0xf),
        }
    }

    fn pointer(&self, paddr: u64, bytes: u64) -> *mut u64 {
        let inside = self.allowed.start <= paddr
            && paddr <= self.allowed.end
            && bytes <= self.allowed.end - paddr;
        assert!(
            inside && paddr.is_multiple_of(8),
            "kernel bug: {bytes} bytes at {paddr:#x} are not users' RAM"
        );
        (paddr + OFFSET) as *mut u64
    }

    /// Reads a word.
    pub fn read(&self, paddr: u64) -> u64 {
        // SAFETY: checked to be mapped RAM outside the kernel; users may change it at any time, so
        // volatile.
        unsafe { self.pointer(paddr, 8).read_volatile() }
    }

    /// Writes a word.
    pub fn write(&mut self, paddr: u64, value: u64) {
        // SAFETY: as for `read`.
        unsafe { self.pointer(paddr, 8).write_volatile(value) }
    }

    /// Clears, and cleans to the point of coherency: the memory may next be mapped uncached.
    pub fn clear(&mut self, paddr: u64, bytes: u64) {
        let start = self.pointer(paddr, bytes) as u64;
        let block = self.zero_block;
        if (start | bytes).is_multiple_of(block) {
            for address in (start..start + bytes).step_by(block as usize) {
                // SAFETY: clears one block, inside what was checked.
                unsafe { core::arch::asm!("dc zva, {}", in(reg) address, options(nostack)) };
            }
        } else {
            // SAFETY: inside what was checked.
            unsafe { core::ptr::write_bytes(start as *mut u8, 0, bytes as usize) };
        }
        self.cache(CacheOperation::CleanInvalidate, paddr, bytes);
    }

    /// Cache maintenance by address.
    pub fn cache(&mut self, operation: CacheOperation, paddr: u64, bytes: u64) {
        let skew = paddr & 7;
        let start = self.pointer(paddr - skew, bytes + skew) as u64;
        let end = start + skew + bytes;
        let mut address = start & !(self.line - 1);
        while address < end {
            match operation {
                CacheOperation::Clean => instruction!("dc cvac, {}"; address),
                // Invalidation cleans too: the line's other end may be somebody else's.
                CacheOperation::Invalidate | CacheOperation::CleanInvalidate => {
                    instruction!("dc civac, {}"; address);
                }
                CacheOperation::UnifyInstruction => instruction!("dc cvau, {}"; address),
            }
            address += self.line;
        }
        // The instruction cache may be virtually indexed: an alias of the user's is only reached by
        // invalidating all of it (Arm ARM D7.5.9.1, B2.7.4.2).
        if operation == CacheOperation::UnifyInstruction {
            instruction!("dsb ish", "ic ialluis");
        }
        instruction!("dsb sy", "isb");
    }
}
