// SPDX-License-Identifier: BSD-2-Clause
//! A guest's memory: accesses of every width by offset, each checked against the size.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};

use crate::unaligned;

/// Memory that somebody else writes at any time, accessed by byte offset.
///
/// Each access of 1, 2, 4 or 8 bytes is single-copy atomic where its offset is a multiple of its
/// width (Arm ARM B2.2.1), and refused where it is not. Loads acquire, stores release.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: all accesses are atomic; the pointer is valid in every thread of the address space.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

macro_rules! access {
    ($load:ident, $store:ident, $atomic:ty, $int:ty) => {
        #[doc = concat!("The `", stringify!($int), "` at `offset`; `None` outside or misaligned.")]
        pub fn $load(&self, offset: usize) -> Option<$int> {
            let place = self.place(offset, size_of::<$int>())?;
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            Some(unsafe { <$atomic>::from_ptr(place.cast()) }.load(Ordering::Acquire))
        }

        #[doc = concat!("Stores a `", stringify!($int), "` at `offset`; `None` outside or misaligned.")]
        pub fn $store(&self, offset: usize, value: $int) -> Option<()> {
            let place = self.place(offset, size_of::<$int>())?;
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            unsafe { <$atomic>::from_ptr(place.cast()) }.store(value, Ordering::Release);
            Some(())
        }
    };
}

impl Memory {
    /// The `size` bytes at `address`, rounded down to whole words.
    ///
    /// # Safety
    /// As for [`crate::words`], but read and written, and never accessed in another way than through
    /// copies of the returned value (by this program).
    pub unsafe fn new(address: usize, size: usize) -> Self {
        debug_assert!(address.is_multiple_of(8) && size <= isize::MAX as usize);
        let base = NonNull::new(address as *mut u8).unwrap_or(NonNull::dangling());
        let size = if address == 0 { 0 } else { size & !7 };
        Self { base, size }
    }

    /// Memory over words that are never freed: for tests, where a leaked vector is the guest's memory.
    pub fn of(words: &'static [AtomicU64]) -> Self {
        Self {
            base: NonNull::from(words).cast(),
            size: size_of_val(words),
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    fn place(&self, offset: usize, width: usize) -> Option<*mut u8> {
        self.pieces(offset, width, 1)
    }

    /// Where `count` values of `width` bytes are that lie side by side from `offset` on.
    fn pieces(&self, offset: usize, width: usize, count: usize) -> Option<*mut u8> {
        let end = offset.checked_add(width * count)?;
        if end > self.size || !offset.is_multiple_of(width) {
            return None;
        }
        // SAFETY: `offset` is inside the one allocation.
        Some(unsafe { self.base.as_ptr().add(offset) })
    }

    access!(load_u8, store_u8, AtomicU8, u8);
    access!(load_u16, store_u16, AtomicU16, u16);
    access!(load_u32, store_u32, AtomicU32, u32);
    access!(load_u64, store_u64, AtomicU64, u64);

    /// The two `u64` at `offset` and behind it, each loaded by itself; `None` outside or misaligned (to 8 bytes).
    pub fn load_pair_u64(&self, offset: usize) -> Option<(u64, u64)> {
        let first = self.pieces(offset, 8, 2)?.cast::<u64>();
        // SAFETY: in bounds and aligned by `pieces`; valid by `new`'s contract.
        let load = |n| unsafe { AtomicU64::from_ptr(first.add(n)) }.load(Ordering::Acquire);
        Some((load(0), load(1)))
    }

    /// Copies `out.len()` bytes from `offset`, not atomically as a whole. `None`, and nothing is copied, if any are outside.
    pub fn read(&self, offset: usize, out: &mut [u8]) -> Option<()> {
        if out.is_empty() {
            return self.within(offset, 0);
        }
        self.within(offset, out.len())?;
        let before = offset % 8;
        let words = (before + out.len()).div_ceil(8);
        let first = self.pieces(offset - before, 8, words)?.cast::<u64>();
        // SAFETY: `fill` loads words of which a byte is needed; these are in bounds and aligned by `pieces`, and valid by
        // `new`'s contract.
        let load = |n| unsafe { AtomicU64::from_ptr(first.add(n)) }.load(Ordering::Relaxed);
        unaligned::fill(out, before, |n| u64::from_le(load(n)));
        fence(Ordering::Acquire);
        Some(())
    }

    /// Copies `from` to `offset`, not atomically as a whole. `None`, and nothing is copied, if any byte would be outside.
    pub fn write(&self, offset: usize, from: &[u8]) -> Option<()> {
        self.within(offset, from.len())?;
        fence(Ordering::Release);
        // Beside the bytes others may be written meanwhile.
        let single = |at: usize, bytes: &[u8]| {
            (at..)
                .zip(bytes)
                .try_for_each(|(at, byte)| self.store_u8(at, *byte))
        };
        let before = from.len().min(offset.wrapping_neg() % 8);
        let (first, rest) = from.split_at_checked(before)?;
        single(offset, first)?;
        if rest.is_empty() {
            return Some(());
        }
        let count = rest.len() / 8;
        let place = self.pieces(offset + before, 8, count)?.cast::<u64>();
        for (n, word) in unaligned::words(rest).take(count).enumerate() {
            // SAFETY: in bounds and aligned by `pieces`; valid by `new`'s contract.
            unsafe { AtomicU64::from_ptr(place.add(n)) }.store(word.to_le(), Ordering::Relaxed);
        }
        single(offset + before + 8 * count, rest.get(8 * count..)?)
    }

    /// Stores zeros in `length` bytes from `offset` on, both multiples of 8; `None`, and nothing is stored, if any byte would be
    /// outside.
    pub fn clear(&self, offset: usize, length: usize) -> Option<()> {
        if !length.is_multiple_of(8) {
            return None;
        }
        let first = self.pieces(offset, 8, length / 8)?.cast::<u64>();
        fence(Ordering::Release);
        for n in 0..length / 8 {
            // SAFETY: in bounds and aligned by `pieces`; valid by `new`'s contract.
            unsafe { AtomicU64::from_ptr(first.add(n)) }.store(0, Ordering::Relaxed);
        }
        Some(())
    }

    fn within(&self, offset: usize, length: usize) -> Option<()> {
        (offset.checked_add(length)? <= self.size).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(words: usize) -> Memory {
        let words: Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
        Memory::of(words.leak())
    }

    #[test]
    fn bounds_and_alignment_are_checked() {
        let memory = memory(2);
        assert_eq!(memory.store_u16(14, 0xabcd), Some(()));
        assert_eq!(memory.load_u16(14), Some(0xabcd));
        assert_eq!(memory.load_u16(15), None, "misaligned");
        assert_eq!(memory.load_u16(16), None, "outside");
        assert_eq!(memory.load_u64(usize::MAX - 3), None, "wraps");
        assert_eq!(memory.store_u64(12, 1), None, "half outside");
        assert_eq!(memory.load_pair_u64(0), Some((0, 0xabcd << 48)));
        assert_eq!(memory.load_pair_u64(8), None, "half outside");
        assert_eq!(memory.load_pair_u64(4), None, "misaligned");
        assert_eq!(memory.load_pair_u64(usize::MAX - 7), None, "wraps");
    }

    #[test]
    fn clears_exactly_what_it_is_told_to() {
        let memory = memory(4);
        memory.write(0, &[0xff; 32]).unwrap();
        assert_eq!(memory.clear(8, 16), Some(()));
        let words = [0, 8, 16, 24].map(|at| memory.load_u64(at));
        assert_eq!(words, [u64::MAX, 0, 0, u64::MAX].map(Some));
        assert_eq!(memory.clear(24, 16), None, "half outside");
        assert_eq!(memory.clear(4, 8), None, "misaligned");
        assert_eq!(memory.clear(0, 4), None, "no whole word");
        assert_eq!(memory.clear(0, usize::MAX & !7), None, "wraps");
        assert_eq!(memory.load_u64(24), Some(u64::MAX));
    }

    #[test]
    fn copies_at_any_offset_and_length() {
        let memory = memory(8);
        let data: Vec<u8> = (1..=64).collect();
        for offset in 0..20 {
            for length in 0..=44 {
                memory.write(0, &[0; 64]).unwrap();
                memory.write(offset, &data[..length]).unwrap();
                let mut all = [0; 64];
                memory.read(0, &mut all).unwrap();
                assert_eq!(&all[offset..offset + length], &data[..length]);
                assert_eq!(all.iter().filter(|byte| **byte != 0).count(), length);
                let mut out = vec![0; length];
                memory.read(offset, &mut out).unwrap();
                assert_eq!(out, &data[..length]);
            }
        }
        assert_eq!(memory.write(60, &[1; 5]), None);
        assert_eq!(memory.read(usize::MAX, &mut [0; 2]), None);
    }
}
