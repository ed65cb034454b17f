// SPDX-License-Identifier: BSD-2-Clause
//! Copies of bytes into and out of shared words.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::unaligned;

/// Copies bytes into the region from byte `offset`, a multiple of 8, in whole words, the last one filled up with zeros; nothing
/// of what lies outside.
pub fn put(region: &[AtomicU64], offset: u64, from: &[u8]) {
    let region = region.get((offset / 8) as usize..).unwrap_or_default();
    for (to, from) in region.iter().zip(unaligned::words(from)) {
        to.store(from, Ordering::Relaxed);
    }
    let (_, rest) = from.as_chunks::<8>();
    if !rest.is_empty()
        && let Some(to) = region.get(from.len() / 8)
    {
        to.store(unaligned::number(rest), Ordering::Relaxed);
    }
}

/// Copies `len` bytes from one region to another, each with the byte offset, a multiple of 8; nothing to or from what lies
/// outside. Bytes behind the last one, up to the end of the word, become 0: they may be another's.
pub fn copy((from, at): (&[AtomicU64], u64), (to, place): (&[AtomicU64], u64), len: usize) {
    let from = from.get((at / 8) as usize..).unwrap_or_default();
    let to = to.get((place / 8) as usize..).unwrap_or_default();
    let (whole, rest) = (len / 8, len % 8);
    for (to, from) in to.iter().zip(from.iter().take(whole)) {
        to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    if rest > 0
        && let (Some(to), Some(from)) = (to.get(whole), from.get(whole))
    {
        let end = from.load(Ordering::Relaxed) & ((1 << (8 * rest)) - 1);
        to.store(end, Ordering::Relaxed);
    }
}

/// Copies bytes out of the region from byte `offset`, a multiple of 8; what lies outside stays as it is in `to`.
pub fn get(region: &[AtomicU64], offset: u64, to: &mut [u8]) {
    let region = region.get((offset / 8) as usize..).unwrap_or_default();
    let len = to.len().min(size_of_val(region));
    let to = to.get_mut(..len).unwrap_or_default();
    unaligned::fill(to, 0, |n| {
        region.get(n).map_or(0, |word| word.load(Ordering::Relaxed))
    });
}
