// SPDX-License-Identifier: BSD-2-Clause
//! The examination of the image in a bank, in steps.

use molt_firmware::{Check, Header, PREFIX, PublicKey, Refusal};

use crate::{Flash, layout};

/// Bytes that one step reads.
const STEP: usize = 1024;

/// An examination that is under way.
#[derive(Clone, Debug)]
pub struct Examination {
    check: Check,
    /// The next bytes in the flash.
    at: u32,
}

impl Examination {
    /// Begins one: reads the header.
    ///
    /// # Errors
    /// What the header shows: there is no image, it is for another place or does not fit, or its security counter is below
    /// `counter`.
    pub fn begin(flash: &mut impl Flash, bank: u8, counter: u32) -> Result<Self, Refusal> {
        let start = layout::bank(bank).ok_or(Refusal::Bank)?;
        let mut prefix = [0; PREFIX];
        flash.read(start, &mut prefix)?;
        let check = Check::new(&prefix)?;
        let header = check.header();
        if header.image_length() > layout::BANK.into() {
            return Err(Refusal::TooLarge);
        }
        let end = header.load.saturating_add(header.length);
        if header.load != layout::APPLICATION || end > layout::APPLICATION_END {
            return Err(Refusal::Address);
        }
        if header.counter < counter {
            return Err(Refusal::Counter);
        }
        let at = start + PREFIX as u32;
        Ok(Self { check, at })
    }

    /// What the image says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.check.header()
    }

    /// Reads on. Returns whether there is more.
    ///
    /// # Errors
    /// The flash failed.
    pub fn step(&mut self, flash: &mut impl Flash) -> Result<bool, Refusal> {
        let mut bytes = [0; STEP];
        let count = STEP.min(self.check.left() as usize);
        flash.read(self.at, &mut bytes[..count])?;
        self.check.payload(&bytes[..count]);
        self.at += count as u32;
        Ok(self.check.left() > 0)
    }

    /// The end of it: digest and signature.
    ///
    /// # Errors
    /// Those of [`Check`].
    pub fn end(self, key: &PublicKey) -> Result<Header, Refusal> {
        self.check.whole()?.signed_by(key)
    }

    /// All of it at once.
    ///
    /// # Errors
    /// The image cannot be run.
    pub fn whole(
        flash: &mut impl Flash,
        bank: u8,
        counter: u32,
        key: &PublicKey,
    ) -> Result<Header, Refusal> {
        let mut examination = Self::begin(flash, bank, counter)?;
        while examination.step(flash)? {}
        examination.end(key)
    }
}
