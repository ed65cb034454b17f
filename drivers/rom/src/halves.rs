// SPDX-License-Identifier: BSD-2-Clause
//! The two halves of the flash, and which one is in force.
//!
//! A half is *in force* if it has the record with the higher number ([`crate::header`]). To put a half in force is therefore one
//! write of 16 bytes, and only the other half is ever erased. There is no third place that says which half is selected: it would
//! have to be erased when it is full, and that would be the one erase that must not be cut.

use molt_store::{Flash, FlashError};
use sha2::{Digest as _, Sha256};

use crate::header::{AREA, RECORD, free};
use crate::{Digest, Failure, Header};

/// Bytes that are read at a time.
pub const PIECE: usize = 4096;

/// One of the two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The one at the flash's beginning.
    First,
    /// The other one.
    Second,
}

impl Half {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// What is known of a half.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    header: Option<Header>,
    number: Option<u64>,
    /// Where its next record goes.
    free: Option<usize>,
}

/// The flash.
#[derive(Debug)]
pub struct Halves<F> {
    pub(crate) flash: F,
    known: [Known; 2],
}

impl<F: Flash> Halves<F> {
    /// Reads what is in the flash. All of it may be anything.
    ///
    /// # Errors
    /// The flash fails, or is too small.
    pub fn open(flash: F) -> Result<Self, Failure> {
        let mut this = Self {
            flash,
            known: [Known::default(); 2],
        };
        let halves_are_blocks = this.flash.geometry().blocks.is_multiple_of(2);
        if this.capacity() == 0 || !halves_are_blocks {
            return Err(Failure::TooSmall);
        }
        this.look(Half::First)?;
        this.look(Half::Second)?;
        Ok(this)
    }

    /// Most bytes of a content.
    #[must_use]
    pub fn capacity(&self) -> usize {
        (self.size() as usize).saturating_sub(AREA)
    }

    /// Bytes of a half.
    fn size(&self) -> u32 {
        let size = self.flash.geometry().size() / 2;
        u32::try_from(size).unwrap_or(u32::MAX) & !3
    }

    /// The offset of a half in the flash.
    pub(crate) fn start(&self, half: Half) -> u32 {
        match half {
            Half::First => 0,
            Half::Second => self.size(),
        }
    }

    /// The offset of a half's content in the flash.
    pub(crate) fn content(&self, half: Half) -> u32 {
        self.start(half) + AREA as u32
    }

    fn known(&self, half: Half) -> &Known {
        let [first, second] = &self.known;
        match half {
            Half::First => first,
            Half::Second => second,
        }
    }

    /// Reads what a half says of itself.
    pub(crate) fn look(&mut self, half: Half) -> Result<(), FlashError> {
        let mut area = [0; AREA];
        self.flash.read(self.start(half), &mut area)?;
        let header = Header::parse(&area).filter(|h| h.length as usize <= self.capacity());
        let known = Known {
            header,
            number: header.and_then(|header| header.number(&area)),
            free: free(&area),
        };
        let [first, second] = &mut self.known;
        match half {
            Half::First => *first = known,
            Half::Second => *second = known,
        }
        Ok(())
    }

    /// What a half says that it holds.
    #[must_use]
    pub fn header(&self, half: Half) -> Option<Header> {
        self.known(half).header
    }

    /// The half that says that it is in force. Its content was not looked at.
    #[must_use]
    pub fn selected(&self) -> Option<Half> {
        let number = |half| self.known(half).number;
        let half = match number(Half::Second) > number(Half::First) {
            true => Half::Second,
            false => Half::First,
        };
        number(half).map(|_| half)
    }

    /// The half whose content is in force, and whole: what is read at a start without this driver. It is the selected one, or the other one if
    /// that is damaged. `None`: neither is whole.
    ///
    /// # Errors
    /// The flash fails.
    pub fn in_force(&mut self) -> Result<Option<Half>, FlashError> {
        let Some(selected) = self.selected() else {
            return Ok(None);
        };
        for half in [selected, selected.other()] {
            let confirmed = self.known(half).number.is_some();
            if confirmed && self.is_whole(half)? {
                return Ok(Some(half));
            }
        }
        Ok(None)
    }

    fn is_whole(&mut self, half: Half) -> Result<bool, FlashError> {
        let Some(mut check) = Check::new(self, half) else {
            return Ok(false);
        };
        loop {
            if let Some(whole) = check.step(self)? {
                return Ok(whole);
            }
        }
    }

    /// Whether a half's content is `image`, by its header and byte for byte; and the half is in force or can be put in force.
    ///
    /// # Errors
    /// The flash fails.
    pub fn holds(&mut self, half: Half, image: &[u8]) -> Result<bool, FlashError> {
        let known = *self.known(half);
        let can = self.selected() == Some(half) || known.free.is_some();
        let length = known.header.map(|header| header.length as usize);
        if !can || length != Some(image.len()) {
            return Ok(false);
        }
        let mut at = 0;
        while at < image.len() {
            if !self.piece_is(half, at, image)? {
                return Ok(false);
            }
            at += PIECE;
        }
        Ok(true)
    }

    /// Whether the piece of a half's content that begins at `at` is that of `image`.
    pub(crate) fn piece_is(
        &mut self,
        half: Half,
        at: usize,
        image: &[u8],
    ) -> Result<bool, FlashError> {
        let mut read = [0; PIECE];
        let wanted = piece(image, at);
        let read = self.read(half, at, wanted.len(), &mut read)?;
        Ok(read == wanted)
    }

    /// Reads bytes of a half's content.
    pub(crate) fn read<'b>(
        &mut self,
        half: Half,
        at: usize,
        length: usize,
        into: &'b mut [u8; PIECE],
    ) -> Result<&'b [u8], FlashError> {
        let offset = self.content(half) + at as u32;
        let whole = into.get_mut(..length.next_multiple_of(4));
        let whole = whole.ok_or(FlashError::Outside)?;
        self.flash.read(offset, whole)?;
        whole.get(..length).ok_or(FlashError::Outside)
    }

    /// Puts a half in force. Its content has to have been checked.
    ///
    /// # Errors
    /// It has no header or no room for a record, or the flash fails.
    pub fn put_in_force(&mut self, half: Half) -> Result<(), Failure> {
        if self.selected() == Some(half) {
            return Ok(());
        }
        let known = *self.known(half);
        let (Some(header), Some(free)) = (known.header, known.free) else {
            return Err(Failure::NotWritten);
        };
        let highest = self.known.iter().filter_map(|known| known.number).max();
        let record: [u8; RECORD] = header.record(highest.map_or(1, |n| n.saturating_add(1)));
        self.flash
            .program(self.start(half) + free as u32, &record)?;
        self.flash.flush()?;
        self.look(half)?;
        match self.selected() == Some(half) {
            true => Ok(()),
            false => Err(Failure::NotWritten),
        }
    }
}

/// The piece of an image that begins at `at`.
pub fn piece(image: &[u8], at: usize) -> &[u8] {
    let rest = image.get(at..).unwrap_or_default();
    rest.get(..PIECE).unwrap_or(rest)
}

/// The check of a half's content by its digest, a piece at a time.
#[derive(Clone, Debug)]
pub struct Check {
    half: Half,
    header: Header,
    at: usize,
    hash: Sha256,
}

impl Check {
    /// At its start; `None` if the half has no header.
    #[must_use]
    pub fn new<F: Flash>(halves: &Halves<F>, half: Half) -> Option<Self> {
        Some(Self {
            half,
            header: halves.header(half)?,
            at: 0,
            hash: Sha256::new(),
        })
    }

    /// Reads one piece. At the end whether the content has the digest.
    ///
    /// # Errors
    /// The flash fails.
    pub fn step<F: Flash>(&mut self, halves: &mut Halves<F>) -> Result<Option<bool>, FlashError> {
        let left = (self.header.length as usize).saturating_sub(self.at);
        if left == 0 {
            let digest: Digest = self.hash.clone().finalize().into();
            return Ok(Some(digest == self.header.digest));
        }
        let mut read = [0; PIECE];
        let read = halves.read(self.half, self.at, left.min(PIECE), &mut read)?;
        self.hash.update(read);
        self.at += read.len();
        Ok(None)
    }
}
