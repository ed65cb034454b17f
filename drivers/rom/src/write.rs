// SPDX-License-Identifier: BSD-2-Clause
//! Writing a content into a half, in steps that are short.
//!
//! 1. The half's blocks are erased, that of the header first: from then on the half holds nothing.
//! 2. The content is programmed.
//! 3. It is read back and compared, and its digest made of what was read.
//! 4. The header is programmed, and read back.
//!
//! So a half with a header has a content that was once read back whole, and a cut leaves a half without one.

use molt_rom::ERASED;
use molt_store::Flash;
use sha2::{Digest as _, Sha256};

use crate::halves::{PIECE, piece};
use crate::header::AREA;
use crate::{Failure, Half, Halves, Header};

/// Bytes that are programmed in a step.
const CHUNK: usize = 1024;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The block of this number, counted from the half's beginning.
    Erase(u32),
    Program(usize),
    Compare(usize),
    Head,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The flash is at work, and there is nothing to do until it is done.
    Busy,
    /// There is a next step.
    Further,
    /// The half holds the content.
    Done,
}

/// A content that is being written.
#[derive(Clone, Debug)]
pub struct Write {
    half: Half,
    step: Step,
    hash: Sha256,
}

impl Write {
    /// At its start. The half must not be the one in force while that is whole.
    #[must_use]
    pub fn new(half: Half) -> Self {
        Self {
            half,
            step: Step::Erase(0),
            hash: Sha256::new(),
        }
    }

    /// Where it is written.
    #[must_use]
    pub const fn half(&self) -> Half {
        self.half
    }

    /// Makes one step. `image` is the same in each.
    ///
    /// # Errors
    /// The content does not fit, does not read back, or the flash fails.
    pub fn step<F: Flash>(
        &mut self,
        halves: &mut Halves<F>,
        image: &[u8],
    ) -> Result<State, Failure> {
        if image.len() > halves.capacity() {
            return Err(Failure::TooLarge);
        }
        if halves.flash.is_busy() {
            return Ok(State::Busy);
        }
        let end = image.len();
        self.step = match self.step {
            Step::Erase(n) => {
                let block = halves.flash.geometry().block_size;
                let offset = n * block;
                halves.flash.erase(halves.start(self.half) + offset)?;
                match ((offset + block) as usize) < AREA + end {
                    true => Step::Erase(n + 1),
                    false => Step::Program(0),
                }
            }
            Step::Program(at) if at < end => {
                let mut chunk = [ERASED; CHUNK];
                let rest = image.get(at..).unwrap_or_default();
                let length = rest.len().min(CHUNK);
                chunk
                    .iter_mut()
                    .zip(rest)
                    .for_each(|(to, from)| *to = *from);
                let chunk = chunk.get(..length.next_multiple_of(4));
                let offset = halves.content(self.half) + at as u32;
                halves.flash.program(offset, chunk.unwrap_or_default())?;
                Step::Program(at + CHUNK)
            }
            Step::Program(_) => {
                halves.flash.flush()?;
                Step::Compare(0)
            }
            Step::Compare(at) if at < end => {
                if !halves.piece_is(self.half, at, image)? {
                    return Err(Failure::NotWritten);
                }
                self.hash.update(piece(image, at));
                Step::Compare(at + PIECE)
            }
            Step::Compare(_) => Step::Head,
            Step::Head => {
                let header = Header {
                    length: u32::try_from(end).map_err(|_| Failure::TooLarge)?,
                    digest: self.hash.clone().finalize().into(),
                };
                let start = halves.start(self.half);
                halves.flash.program(start, &header.encode())?;
                halves.flash.flush()?;
                halves.look(self.half)?;
                return match halves.header(self.half) == Some(header) {
                    true => Ok(State::Done),
                    false => Err(Failure::NotWritten),
                };
            }
        };
        Ok(State::Further)
    }

    /// How far it is.
    #[must_use]
    pub fn per_mille(&self, image: &[u8]) -> u16 {
        let part = |at: usize| (at * 450 / image.len().max(1)).min(450) as u16;
        match self.step {
            Step::Erase(_) => 0,
            Step::Program(at) => 50 + part(at),
            Step::Compare(at) => 500 + part(at),
            Step::Head => 950,
        }
    }
}
