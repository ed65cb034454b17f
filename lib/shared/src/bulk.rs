// SPDX-License-Identifier: BSD-2-Clause
//! Copies of much memory at once, as a boot makes them.

use core::ptr;

/// Bytes that are copied by one turn of the loop.
const BLOCK: usize = 64;

/// Copies `len` bytes as [`ptr::copy_nonoverlapping`] does, in a quarter of the instructions on AArch64: the compiler's own copy
/// moves a word at a time there, since these targets come without one that is made for their processors.
///
/// # Safety
/// As for [`ptr::copy_nonoverlapping`] of bytes: `from` is readable and `to` writable for `len` bytes, and they do not overlap.
pub unsafe fn copy_bulk(from: *const u8, to: *mut u8, len: usize) {
    let aligned = (from.addr() | to.addr()).is_multiple_of(size_of::<u64>());
    let blocks = if aligned { len / BLOCK } else { 0 };
    let done = blocks * BLOCK;
    // SAFETY: `done` is at most `len`, so both parts lie within what the caller promises; both pointers are aligned to words
    // where there are blocks.
    unsafe {
        copy_blocks(from, to, blocks);
        ptr::copy_nonoverlapping(from.add(done), to.add(done), len - done);
    }
}

/// Copies so many blocks.
///
/// # Safety
/// As for [`copy_bulk`], of the blocks' bytes; both pointers are multiples of 8 unless there are no blocks.
#[cfg(target_arch = "aarch64")]
unsafe fn copy_blocks(from: *const u8, to: *mut u8, blocks: usize) {
    if blocks == 0 {
        return;
    }
    // SAFETY: reads and writes the blocks, which the caller promises; with the MMU off or on, pairs of words at multiples of 8
    // are aligned accesses.
    unsafe {
        core::arch::asm!(
            "2:",
            "ldp {a}, {b}, [{from}], #16",
            "ldp {c}, {d}, [{from}], #16",
            "stp {a}, {b}, [{to}], #16",
            "stp {c}, {d}, [{to}], #16",
            "ldp {a}, {b}, [{from}], #16",
            "ldp {c}, {d}, [{from}], #16",
            "stp {a}, {b}, [{to}], #16",
            "stp {c}, {d}, [{to}], #16",
            "subs {blocks}, {blocks}, #1",
            "b.ne 2b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            blocks = inout(reg) blocks => _,
            a = out(reg) _, b = out(reg) _, c = out(reg) _, d = out(reg) _,
            options(nostack)
        );
    }
}

/// Copies so many blocks: other compilers' copies move them by instructions that are made for it.
///
/// # Safety
/// As for [`copy_bulk`], of the blocks' bytes.
#[cfg(not(target_arch = "aarch64"))]
unsafe fn copy_blocks(from: *const u8, to: *mut u8, blocks: usize) {
    // SAFETY: the caller's contract.
    unsafe { ptr::copy_nonoverlapping(from, to, blocks * BLOCK) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_copied_and_no_other_is_written() {
        let from: Vec<u8> = (0..=255).cycle().take(300).collect();
        for start in 0..9 {
            for place in 0..9 {
                for len in 0..=260 {
                    let mut to = vec![0xee; place + len + 9];
                    // SAFETY: both vectors have as many bytes.
                    unsafe { copy_bulk(from[start..].as_ptr(), to[place..].as_mut_ptr(), len) };
                    let (before, rest) = to.split_at(place);
                    let (copied, behind) = rest.split_at(len);
                    assert_eq!(copied, &from[start..start + len]);
                    assert!(before.iter().chain(behind).all(|byte| *byte == 0xee));
                }
            }
        }
    }
}
