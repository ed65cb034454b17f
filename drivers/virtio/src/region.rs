// SPDX-License-Identifier: BSD-2-Clause
//! Memory that driver and device share, by byte offset.

use core::sync::atomic::{AtomicU64, Ordering};

/// A part of the ring memory: physically contiguous.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    words: &'a [AtomicU64],
    physical: u64,
}

impl<'a> Region<'a> {
    /// The words, which are at `physical` in physical memory.
    pub fn new(words: &'a [AtomicU64], physical: u64) -> Self {
        Self { words, physical }
    }

    /// In bytes.
    pub fn size(&self) -> usize {
        self.words.len() * 8
    }

    /// Physical address of byte `offset`.
    pub fn address(&self, offset: usize) -> u64 {
        self.physical + offset as u64
    }

    /// The first `bytes`, a multiple of 8, and the rest; `None` if there are fewer.
    pub fn split(self, bytes: usize) -> Option<(Self, Self)> {
        let (first, rest) = self.words.split_at_checked(bytes / 8)?;
        let behind = self.address(bytes);
        Some((Self::new(first, self.physical), Self::new(rest, behind)))
    }

    /// The words.
    pub fn words(&self) -> &'a [AtomicU64] {
        self.words
    }

    /// The word that contains byte `offset`, with `Acquire`; 0 outside.
    pub fn load(&self, offset: usize) -> u64 {
        let word = self.words.get(offset / 8);
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// The 16 bits at the even byte `offset`.
    pub fn load_u16(&self, offset: usize) -> u16 {
        (self.load(offset) >> (offset % 8 * 8)) as u16
    }

    /// Stores the word that contains byte `offset`; nothing outside.
    pub fn store(&self, offset: usize, value: u64) {
        if let Some(word) = self.words.get(offset / 8) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Stores the 16 bits at the even byte `offset`. Only for what the device does not write: the word is read and written back.
    pub fn store_u16(&self, offset: usize, value: u16) {
        if let Some(word) = self.words.get(offset / 8) {
            let shift = offset % 8 * 8;
            let rest = word.load(Ordering::Relaxed) & !(0xffff << shift);
            word.store(rest | u64::from(value) << shift, Ordering::Release);
        }
    }

    /// Copies bytes in from byte `offset`, a multiple of 8, in whole words, the last one filled up with zeros; nothing outside.
    pub fn put(&self, offset: usize, from: &[u8]) {
        molt_shared::put(self.words, offset as u64, from);
    }

    /// Copies bytes out from byte `offset`, a multiple of 8; what lies outside stays as it is in `to`.
    pub fn get(&self, offset: usize, to: &mut [u8]) {
        molt_shared::get(self.words, offset as u64, to);
    }

    /// Zeroes all of it.
    pub fn clear(&self) {
        for word in self.words {
            word.store(0, Ordering::Relaxed);
        }
    }
}
