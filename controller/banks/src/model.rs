// SPDX-License-Identifier: BSD-2-Clause
//! A model of the flash for tests on the host, whose power can be cut at any operation.
//!
//! A cut tears: of a program, each byte is written, not written, or has some of its bits cleared; of an erase, each byte is
//! erased, as it was, or has some of its bits set.

use std::vec::Vec;

use crate::layout::{FLASH, PAGE, SECTOR};
use crate::{Fault, Flash};

/// How a cut leaves the operation that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Nothing of it was done.
    None,
    /// The first half was done.
    Half,
    /// Each byte for itself: done, not done, or torn.
    Anything,
    /// All but one byte were done, which is torn.
    AllButOne,
    /// Everything was done, and nobody was told.
    All,
}

impl Tear {
    /// All ways.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Half,
        Self::Anything,
        Self::AllButOne,
        Self::All,
    ];
}

/// The flash.
#[derive(Clone, Debug)]
pub struct Model {
    bytes: Vec<u8>,
    operations: u32,
    cut: Option<(u32, Tear)>,
    off: bool,
    random: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Model {
    /// A flash with this content, erased behind it.
    #[must_use]
    pub fn new(mut content: Vec<u8>) -> Self {
        content.resize(FLASH as usize, 0xff);
        Self {
            bytes: content,
            operations: 0,
            cut: None,
            off: false,
            random: 1,
        }
    }

    /// Puts content at a place, as a programmer in the factory would.
    pub fn put(&mut self, at: u32, bytes: &[u8]) {
        let at = at as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Programs and erases since power-on.
    #[must_use]
    pub fn operations(&self) -> u32 {
        self.operations
    }

    /// The power comes (back), and goes in operation `n`, counted from 1, if one is given.
    pub fn power_on(&mut self, cut: Option<(u32, Tear)>, seed: u64) {
        self.operations = 0;
        self.cut = cut;
        self.off = false;
        self.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }

    /// Whether the power is gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.off
    }

    fn draw(&mut self) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 24
    }

    /// Changes bytes to `wanted`, or, if the power goes, some of them.
    fn change(&mut self, at: usize, wanted: &[u8]) -> Result<(), Fault> {
        if self.off {
            return Err(Fault);
        }
        self.operations += 1;
        let Some((_, tear)) = self.cut.filter(|(n, _)| *n == self.operations) else {
            self.bytes[at..at + wanted.len()].copy_from_slice(wanted);
            return Ok(());
        };
        self.off = true;
        let torn = self.draw() as usize % wanted.len();
        for (n, to) in wanted.iter().enumerate() {
            let from = self.bytes[at + n];
            // Of the bits that change, some have.
            let mixed = from ^ ((from ^ to) & self.draw() as u8);
            self.bytes[at + n] = match tear {
                Tear::None => from,
                Tear::All => *to,
                Tear::Half if n < wanted.len() / 2 => *to,
                Tear::Half => from,
                Tear::AllButOne if n != torn => *to,
                Tear::AllButOne => mixed,
                Tear::Anything => match self.draw() % 3 {
                    0 => from,
                    1 => *to,
                    _ => mixed,
                },
            };
        }
        Err(Fault)
    }
}

impl Flash for Model {
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Fault> {
        let at = at as usize;
        let bytes = self.bytes.get(at..at + into.len()).ok_or(Fault)?;
        if self.off {
            return Err(Fault);
        }
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fault> {
        let end = at + bytes.len() as u32;
        assert!(!bytes.is_empty() && at / PAGE == (end - 1) / PAGE && end <= FLASH);
        let old = &self.bytes[at as usize..end as usize];
        assert!(
            bytes.iter().zip(old).all(|(new, old)| new & old == *new),
            "a program cannot set a bit, at {at:#x}"
        );
        self.change(at as usize, bytes)
    }

    fn erase(&mut self, at: u32) -> Result<(), Fault> {
        assert!(at.is_multiple_of(SECTOR) && at < FLASH);
        self.change(at as usize, &[0xff; SECTOR as usize])
    }
}
