// SPDX-License-Identifier: BSD-2-Clause
//! The ways in which the other side can break the protocol.

use core::fmt;

/// What was found in the region and is not allowed. Slots are numbered 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An index moved by more than possible, or this side's own index was overwritten.
    Index,
    /// An entry names a slot that does not exist.
    Identifier,
    /// A completion carries another generation than the one the queue was opened for.
    Generation,
    /// A completion carries a status that does not exist, or that its request cannot end with.
    Status,
    /// A completion of a slot in which no request is owed: duplicated, or invented.
    NotOwed {
        /// The slot.
        slot: u8,
    },
    /// A completion of a request that this generation did not take.
    NotTaken {
        /// The slot.
        slot: u8,
    },
    /// A slot's contents were overwritten (seen by the client), or are no valid request (seen by the server).
    Contents {
        /// The slot.
        slot: u8,
    },
    /// A submission of a slot that is in service already.
    Busy {
        /// The slot.
        slot: u8,
    },
}

impl Violation {
    /// A number for it, not 0, for statistics and mailboxes.
    pub const fn code(self) -> u64 {
        match self {
            Self::Index => 1,
            Self::Identifier => 2,
            Self::Generation => 3,
            Self::Status => 4,
            Self::NotOwed { .. } => 5,
            Self::NotTaken { .. } => 6,
            Self::Contents { .. } => 7,
            Self::Busy { .. } => 8,
        }
    }

    /// The text for a [`Self::code`]; `unknown` for any other number.
    pub const fn text(code: u64) -> &'static str {
        match code {
            1 => "forbidden index",
            2 => "forbidden identifier",
            3 => "wrong generation",
            4 => "forbidden status",
            5 => "completion of what was not owed",
            6 => "completion of what was not taken",
            7 => "forbidden slot contents",
            8 => "slot submitted twice",
            _ => "unknown",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::text(self.code()))
    }
}

impl core::error::Error for Violation {}
