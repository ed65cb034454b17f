// SPDX-License-Identifier: BSD-2-Clause
//! The guard of a CNode capability.

use crate::{WORD_SIZE, Word};

/// Bits that hold the guard's size; the guard is above them.
const GUARD_SIZE_BITS: u32 = 6;

/// Guard and guard size of a CNode capability (`seL4_CNode_CapData`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CNodeCapData(Word);

impl CNodeCapData {
    /// `guard` (its low 58 bits) of `guard_size` bits (0 to 63).
    pub fn new(guard: Word, guard_size: usize) -> Self {
        assert!(guard_size < 1 << GUARD_SIZE_BITS);
        Self(guard << GUARD_SIZE_BITS | guard_size as Word)
    }

    /// A guard of `num_bits` zeros.
    pub fn skip(num_bits: usize) -> Self {
        Self::new(0, num_bits)
    }

    /// The guard of zeros by which a CNode of `cnode_size_bits` uses up a whole word.
    pub fn skip_high_bits(cnode_size_bits: usize) -> Self {
        Self::skip(WORD_SIZE - cnode_size_bits)
    }

    /// As the kernel takes it.
    pub fn into_word(self) -> Word {
        self.0
    }
}
