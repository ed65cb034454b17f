// SPDX-License-Identifier: BSD-2-Clause
//! Safe types for shared memory and device registers.
//!
//! Memory that two protection domains share is a slice of 64-bit atomic words ([`words`]), a
//! guest's memory is a [`Memory`] with accesses of every width, a device's registers are
//! [`Registers`], and a page that was written before its reader started is plain [`bytes`]. The
//! constructors are `unsafe`, because only their caller knows what is mapped; what they return is safe to use.
//! Whatever is read through these types was written by somebody else and has to be checked.
//!
//! If a mapping is taken away (of a revocable region), an access faults. This is sound, because a fault ends or
//! suspends the thread.
#![cfg_attr(not(test), no_std)]

mod bulk;
mod copies;
pub mod handover;
mod memory;
mod registers;
mod unaligned;

pub use bulk::copy_bulk;
pub use copies::{copy, get, put};
pub use handover::Handover;
pub use memory::Memory;
pub use registers::{Mmio, Narrow, Registers};

use core::sync::atomic::AtomicU64;

/// The memory at `address`, `size` bytes (rounded down to whole words), as atomic words.
///
/// # Safety
/// * `address` is not 0, is a multiple of 8, and `size` bytes from there are reserved for this use for
///   as long as the program runs: mapped, or a place where an access faults. Mapped read-only is
///   enough as long as no word is stored to.
/// * Nothing of it is ever accessed through ordinary references, nor by atomics of another width at
///   the same time (the memory model leaves such mixtures open).
pub unsafe fn words(address: usize, size: usize) -> &'static [AtomicU64] {
    debug_assert!(address != 0 && address.is_multiple_of(8));
    // SAFETY: as the caller promises; AtomicU64 allows others to write.
    unsafe { core::slice::from_raw_parts(address as *const AtomicU64, size / 8) }
}

/// The memory at `address`, `size` bytes, as bytes that nobody writes any more (a brief, a blob).
///
/// # Safety
/// `address` is not 0, and `size` bytes from there are mapped readable and are written by nobody
/// (here, in other domains, by devices) for as long as the program runs.
pub unsafe fn bytes(address: usize, size: usize) -> &'static [u8] {
    debug_assert!(address != 0);
    // SAFETY: as the caller promises.
    unsafe { core::slice::from_raw_parts(address as *const u8, size) }
}
