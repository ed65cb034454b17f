// SPDX-License-Identifier: BSD-2-Clause
//! The simulated machine's memory: words that everybody shares, by physical address.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Physical address of the first byte.
pub const BASE: u64 = 0x4000_0000;
/// Bytes.
pub const SIZE: u64 = FIXED - BASE + 0x4_0000;
/// From here on: memory that the kernel is not told of, for pages that are shared for good.
pub const FIXED: u64 = BASE + 0x40_0000;

/// Bytes of a page, and words.
const PAGE: u64 = 4096;
const PAGE_WORDS: usize = PAGE as usize / 8;

/// All memory. One for each thread of the host: it is used again for each run.
#[derive(Clone, Copy)]
pub struct Ram {
    words: &'static [AtomicU64],
    /// By page: somebody was given words of it since it was cleared.
    given: &'static [AtomicBool],
}

impl Ram {
    /// New memory, which stays for as long as the program runs.
    pub fn new() -> Self {
        let words = (0..SIZE / 8).map(|_| AtomicU64::new(0));
        let given = (0..SIZE / PAGE).map(|_| AtomicBool::new(false));
        Self {
            words: words.collect::<Vec<_>>().leak(),
            given: given.collect::<Vec<_>>().leak(),
        }
    }

    /// Fills it with zeros. What was given out before must not be written any more.
    pub fn clear(self) {
        let pages = self.words.chunks(PAGE_WORDS).zip(self.given);
        for (page, _) in pages.filter(|(_, given)| given.swap(false, Ordering::Relaxed)) {
            for word in page {
                word.store(0, Ordering::Relaxed);
            }
        }
    }

    /// The words from a physical address on; fewer where the memory ends.
    pub fn words(self, paddr: u64, bytes: u64) -> &'static [AtomicU64] {
        let first = (paddr.wrapping_sub(BASE) / 8) as usize;
        let count = (bytes / 8) as usize;
        let rest = self.words.get(first..).unwrap_or(&[]);
        let words = rest.get(..count).unwrap_or(rest);
        let pages = first / PAGE_WORDS..(first + words.len()).div_ceil(PAGE_WORDS);
        for given in self.given.get(pages).unwrap_or(&[]) {
            given.store(true, Ordering::Relaxed);
        }
        words
    }

    /// One word.
    pub fn word(self, paddr: u64) -> &'static AtomicU64 {
        static NOWHERE: AtomicU64 = AtomicU64::new(0);
        let index = (paddr.wrapping_sub(BASE) / 8) as usize;
        let Some(word) = self.words.get(index) else {
            return &NOWHERE;
        };
        self.given[index / PAGE_WORDS].store(true, Ordering::Relaxed);
        word
    }
}

impl Default for Ram {
    fn default() -> Self {
        Self::new()
    }
}
