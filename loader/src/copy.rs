// SPDX-License-Identifier: BSD-2-Clause
//! Copies kernel and root task to their places and makes them visible to instruction fetch.

use core::arch::asm;
use core::ptr;

use molt_payload::Copy;
use molt_shared::copy_bulk;

use crate::tables::ALIAS;

/// Carries out one copy.
pub fn carry_out(copy: &Copy) {
    // RAM may begin at address 0, where no pointer of Rust points: it is written through its second mapping.
    let destination = (ALIAS + copy.destination) as *mut u8;
    let (file, memory) = (copy.file_size as usize, copy.mem_size as usize);
    // SAFETY: `check` made this copy: source inside the image, destination in RAM, apart from the
    // image (so from this code and its stack) and from every other destination. RAM is mapped.
    unsafe {
        copy_bulk(copy.source as *const u8, destination, file);
        ptr::write_bytes(destination.add(file), 0, memory - file);
    }
    clean(ALIAS + copy.destination, copy.mem_size);
}

/// Cleans to the point of coherency, because the kernel maps this memory anew with its own attributes,
/// and instruction fetches must see what was written (Arm ARM B2.7.4.2, D7.5.9).
pub fn clean(start: u64, size: u64) {
    // CTR_EL0.DminLine (bits 19:16): log2 of the words in the smallest line.
    let ctr: u64;
    // SAFETY: reads an identification register.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack)) };
    let line = 4u64 << (ctr >> 16 & 0xf);
    let mut address = start & !(line - 1);
    while address < start + size {
        // SAFETY: cleaning changes no data, and the address is in mapped RAM.
        unsafe { asm!("dc cvac, {}", in(reg) address, options(nostack)) };
        address += line;
    }
}

/// The cleaning must be complete before the instruction cache is invalidated, and the invalidation before
/// any of these instructions is fetched (Arm ARM B2.7.4.2).
pub fn before_execution() {
    // SAFETY: barriers and the invalidation of the instruction cache change no data.
    unsafe { asm!("dsb sy", "ic iallu", "dsb sy", "isb", options(nostack)) };
}
