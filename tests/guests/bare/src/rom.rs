// SPDX-License-Identifier: BSD-2-Clause
//! The content of a ROM, read from the first word to the last, for ever, a slice at a time.

use core::ptr;

use molt_guest::rom::{WORD, version};
use molt_rom::{ERASED, LABEL, Label};

use crate::console::say;

/// Words that are read at a time.
const SLICE: u64 = 256;

/// The ROM, and what was read of it.
pub struct Rom {
    address: usize,
    size: usize,
    /// The next word.
    next: u64,
    /// The label before the first word, and the version that it is of.
    before: Option<Label>,
    reading: Option<u64>,
    /// A word was not one of the version that the first one is of.
    wrong: Option<u64>,
    /// What was read last.
    version: u64,
    reads: u64,
    errors: u64,
    /// How often the content was exchanged between the first word and the last.
    spanned: u64,
}

impl Rom {
    /// One of `size` bytes.
    pub const fn new((address, size): (usize, usize)) -> Self {
        Self {
            address,
            size,
            next: 0,
            before: None,
            reading: None,
            wrong: None,
            version: 0,
            reads: 0,
            errors: 0,
            spanned: 0,
        }
    }

    /// Reads the next words.
    pub fn look(&mut self) {
        if self.next == 0 {
            (self.before, self.wrong) = (self.label(), None);
            self.reading = version(self.word(0), 0);
        }
        let content = self.before.map_or(0, |label| label.length) / WORD as u64;
        let end = ((self.size - LABEL) / WORD) as u64;
        for _ in 0..SLICE {
            if self.next == end {
                return self.ended();
            }
            let word = self.word(self.next);
            let right = match self.next < content {
                true => version(word, self.next) == self.reading,
                false => word == u64::from_le_bytes([ERASED; WORD]),
            };
            if !right {
                self.wrong.get_or_insert(self.next);
            }
            self.next += 1;
        }
    }

    fn ended(&mut self) {
        self.next = 0;
        if self.label() != self.before {
            self.spanned += 1;
            return;
        }
        self.reads += 1;
        match (self.reading, self.wrong) {
            (Some(version), None) if self.before.is_some() => {
                if version != self.version {
                    self.version = version;
                    say!("rom: firmware {version}");
                }
            }
            (reading, wrong) => {
                let at = wrong.unwrap_or(0);
                let word = self.word(at);
                say!(
                    "error: the ROM's word {at} is {word:#x}, in a content of version {reading:?}"
                );
                self.errors += 1;
            }
        }
    }

    /// Prints the account.
    pub fn report(&self) {
        say!(
            "result rom_reads={} errors={} spanned={}",
            self.reads,
            self.errors,
            self.spanned
        );
    }

    fn label(&self) -> Option<Label> {
        let mut bytes = [0; LABEL];
        let first = ((self.size - LABEL) / WORD) as u64;
        for (n, to) in (first..).zip(bytes.as_chunks_mut::<WORD>().0) {
            *to = self.word(n).to_le_bytes();
        }
        Label::parse(&bytes)
    }

    fn word(&self, n: u64) -> u64 {
        let address = self.address + n as usize * WORD;
        // SAFETY: a word of the ROM, which the translation table maps as memory. Who writes it does so while this access waits.
        unsafe { ptr::with_exposed_provenance::<u64>(address).read_volatile() }
    }
}
