// SPDX-License-Identifier: BSD-2-Clause
//! Why there is no usable bank.

use core::fmt;

/// Why there is no usable bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nothing answers to the query with "QRY" (C 4.3.2): the word that was read in place of "Q".
    NoChip(u32),
    /// The chips beside each other do not give the same answer at this word of the query.
    ChipsDiffer(usize),
    /// Another command set than Intel's (C 4.3.2; 1 or 3): its number.
    CommandSet(u16),
    /// The blocks are not all of one size, or their size is not a power of two.
    Blocks,
    /// The chips are larger than the window in which they are mapped: their bytes.
    Window(u64),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChip(word) => write!(f, "no CFI flash answers (0x{word:08x} in place of 'Q')"),
            Self::ChipsDiffer(word) => write!(f, "the chips differ at word {word:#x} of the query"),
            Self::CommandSet(set) => write!(f, "command set {set} is not supported"),
            Self::Blocks => write!(f, "blocks of several sizes are not supported"),
            Self::Window(size) => write!(f, "the chips have {size:#x} bytes, more than are mapped"),
        }
    }
}
