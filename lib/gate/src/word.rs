// SPDX-License-Identifier: BSD-2-Clause
//! The word that says whether a client may touch its region.

/// A gate's word, taken apart. A page of zeros is a closed gate of epoch 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Gate {
    /// One higher at each change.
    pub epoch: u64,
    /// Whether the region may be touched.
    pub open: bool,
}

impl Gate {
    /// The word as it stands in the page.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.epoch << 2 | self.open as u64
    }

    /// Takes a word apart. A state that is not defined reads as closed.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self {
            epoch: word >> 2,
            open: word & 3 == 1,
        }
    }
}
