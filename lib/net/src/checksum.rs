// SPDX-License-Identifier: BSD-2-Clause
//! The Internet checksum (RFC 1071).

use core::sync::atomic::{AtomicU64, Ordering};

/// A sum of halfwords in ones' complement. The halfwords are added as little-endian ones, eight bytes at a time: the sum of
/// the big-endian halfwords is the same with its bytes exchanged (RFC 1071, 2 (B)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of bytes, the last one filled up with a zero.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let sum = words
            .iter()
            .fold(Self(0), |sum, word| sum.word(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        sum.word(u64::from_le_bytes(last))
    }

    /// The sum of `len` bytes of a region from byte `offset` on; of those that lie outside none.
    #[must_use]
    pub fn of_region(region: &[AtomicU64], offset: u64, len: usize) -> Self {
        let Some(last_byte) = len.checked_sub(1) else {
            return Self(0);
        };
        let before = (offset % 8) as usize;
        let last_byte = before + last_byte;
        let words = region.get((offset / 8) as usize..).unwrap_or_default();
        let words = words.get(..=last_byte / 8).unwrap_or(words);
        let first = u64::MAX << (8 * before);
        let last = u64::MAX >> (8 * (7 - last_byte % 8));
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let sum = match words {
            [] => Self(0),
            [only] => Self(load(only) & first & last),
            [start, middle @ .., end] => (middle.iter())
                .fold(Self(load(start) & first), |sum, word| sum.word(load(word)))
                .word(load(end) & last),
        };
        sum.at(before)
    }

    /// The sum of a halfword.
    #[must_use]
    pub fn of_halfword(value: u16) -> Self {
        Self(value.swap_bytes().into())
    }

    /// Of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.word(other.0)
    }

    /// Of the same bytes behind `position` others.
    #[must_use]
    pub fn at(self, position: usize) -> Self {
        match position % 2 {
            0 => self,
            _ => Self(self.halfword().swap_bytes().into()),
        }
    }

    /// The sum as a number: of big-endian halfwords.
    #[must_use]
    pub fn value(self) -> u16 {
        self.halfword().swap_bytes()
    }

    /// The checksum of the bytes, for a field that held 0. It is never 0 itself, which means "no checksum" in UDP: the other
    /// representation, 0xffff, is equally valid (RFC 768, RFC 1624).
    #[must_use]
    pub fn checksum(self) -> u16 {
        match !self.value() {
            0 => u16::MAX,
            checksum => checksum,
        }
    }

    #[inline(always)]
    fn word(self, word: u64) -> Self {
        let (sum, carry) = self.0.overflowing_add(word);
        // A sum that has overflowed is less than `u64::MAX`.
        Self(sum.wrapping_add(carry.into()))
    }

    fn halfword(self) -> u16 {
        let folded = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        // Three times reduce 33 bits to 16.
        (0..3).fold(folded, |sum, _| (sum & 0xffff) + (sum >> 16)) as u16
    }
}
