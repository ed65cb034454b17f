// SPDX-License-Identifier: BSD-2-Clause
//! Calls from one domain to another over two pages, one in each direction: what `stage` and `store` have in common.
//!
//! The body is written first, the serial number last (release); the other side reads the serial number first (acquire).
//! No command is given while one is under way, so a body is never written while the other side reads it.
//!
//! Word 0 of the commands is the serial number, word 0 of the answers `serial << 8 | code`; the others are the body.

use core::sync::atomic::{AtomicU64, Ordering};

/// One side's view of both pages.
pub struct Call<'a> {
    commands: &'a [AtomicU64],
    answers: &'a [AtomicU64],
    /// Of the newest command that was given or taken; 0: none yet.
    serial: u64,
}

impl<'a> Call<'a> {
    /// Takes both pages.
    pub const fn new(commands: &'a [AtomicU64], answers: &'a [AtomicU64]) -> Self {
        Self {
            commands,
            answers,
            serial: 0,
        }
    }

    /// The caller's: gives a command, whose body begins with word 1.
    pub fn give(&mut self, body: impl IntoIterator<Item = u64>) {
        for (word, value) in self.commands.iter().skip(1).zip(body) {
            word.store(value, Ordering::Relaxed);
        }
        self.serial += 1;
        store(self.commands, 0, self.serial, Ordering::Release);
    }

    /// The caller's: the code of the answer to the newest command, when there is one.
    pub fn code(&self) -> Option<u64> {
        let word = load(self.answers, 0, Ordering::Acquire);
        (word >> 8 == self.serial).then_some(word & 0xff)
    }

    /// Whether a command was ever given or taken.
    pub fn has_begun(&self) -> bool {
        self.serial != 0
    }

    /// A word of the answer.
    pub fn answer(&self, index: usize) -> u64 {
        load(self.answers, index, Ordering::Relaxed)
    }

    /// The worker's: takes the next command. Returns whether there is a new one.
    pub fn take(&mut self) -> bool {
        let serial = load(self.commands, 0, Ordering::Acquire);
        let new = serial != self.serial;
        self.serial = serial;
        new
    }

    /// A word of the command.
    pub fn command(&self, index: usize) -> u64 {
        load(self.commands, index, Ordering::Relaxed)
    }

    /// The worker's: writes words of the answer, from `first` on.
    pub fn put(&self, first: usize, words: impl IntoIterator<Item = u64>) {
        for (word, value) in self.answers.iter().skip(first).zip(words) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// The worker's: answers the command with this code.
    pub fn finish(&self, code: u64) {
        store(self.answers, 0, self.serial << 8 | code, Ordering::Release);
    }
}

/// A word as a number of 32 bits; one that does not fit is the largest, which stands for nothing.
pub fn narrow(word: u64) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX)
}

fn load(words: &[AtomicU64], index: usize, ordering: Ordering) -> u64 {
    words.get(index).map_or(0, |w| w.load(ordering))
}

fn store(words: &[AtomicU64], index: usize, value: u64, ordering: Ordering) {
    if let Some(word) = words.get(index) {
        word.store(value, ordering);
    }
}
