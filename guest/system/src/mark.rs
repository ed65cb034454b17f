// SPDX-License-Identifier: BSD-2-Clause
//! Marks in the program, by which QEMU's plugin (`tools/qemu-plugin`) knows what to count.

use core::arch::asm;

/// Here begins what is counted.
pub const BEGIN: u32 = 112;
/// Here it ends.
pub const END: u32 = 113;

/// An instruction that does nothing: an unallocated hint is executed as NOP (Arm ARM, "HINT").
pub fn here<const HINT: u32>() {
    // SAFETY: it does nothing.
    unsafe { asm!("hint #{}", const HINT, options(nomem, nostack, preserves_flags)) };
}
