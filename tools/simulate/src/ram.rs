// SPDX-License-Identifier: BSD-2-Clause
//! The simulated machine's memory: words that everybody shares, by physical address.

use std::sync::atomic::{AtomicU64, Ordering};

/// Physical address of the first byte.
pub const BASE: u64 = 0x4000_0000;
/// Bytes.
pub const SIZE: u64 = 0x22_0000;
/// From here on: memory that the kernel is not told of, for pages that are shared for good.
pub const FIXED: u64 = BASE + 0x20_0000;

/// All memory. One for each thread of the host: it is used again for each run.
#[derive(Clone, Copy)]
pub struct Ram(&'static [AtomicU64]);

impl Ram {
    /// New memory, which stays for as long as the program runs.
    pub fn new() -> Self {
        let words = (0..SIZE / 8).map(|_| AtomicU64::new(0));
        Self(words.collect::<Vec<_>>().leak())
    }

    /// Fills it with zeros.
    pub fn clear(self) {
        for word in self.0 {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// The words from a physical address on; fewer where the memory ends.
    pub fn words(self, paddr: u64, bytes: u64) -> &'static [AtomicU64] {
        let first = (paddr.wrapping_sub(BASE) / 8) as usize;
        let count = (bytes / 8) as usize;
        let rest = self.0.get(first..).unwrap_or(&[]);
        rest.get(..count).unwrap_or(rest)
    }

    /// One word.
    pub fn word(self, paddr: u64) -> &'static AtomicU64 {
        static NOWHERE: AtomicU64 = AtomicU64::new(0);
        self.0
            .get((paddr.wrapping_sub(BASE) / 8) as usize)
            .unwrap_or(&NOWHERE)
    }
}

impl Default for Ram {
    fn default() -> Self {
        Self::new()
    }
}
