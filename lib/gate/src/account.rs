// SPDX-License-Identifier: BSD-2-Clause
//! What a client says of the generation that serves it, for each component by itself: a client of several must not be taken
//! to accuse one where it means another.

/// A client's account of one component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Completions that broke the queue's protocol, since the start; 48 bits. One more than `update` saw last: a fault of the
    /// generation.
    pub violations: u64,
    /// Requests submitted and not completed, now. A new image that leaves them all so does not pass probation.
    pub owed: u16,
}

impl Account {
    pub(crate) const fn to_word(self) -> u64 {
        self.violations << 16 | self.owed as u64
    }

    pub(crate) const fn from_word(word: u64) -> Self {
        Self {
            violations: word >> 16,
            owed: word as u16,
        }
    }
}
