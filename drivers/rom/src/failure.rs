// SPDX-License-Identifier: BSD-2-Clause
//! What ends a generation, and what ends a transfer.

use core::fmt;

use molt_service::Code;
use molt_store::FlashError;

/// Why a generation cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no flash that can be used.
    NoFlash,
    /// The flash does not have two halves of whole blocks with room for a content.
    TooSmall,
    /// The content does not fit into the flash or into the clients' memory.
    TooLarge,
    /// What was written does not read back as it was written.
    NotWritten,
    /// The content in the flash is not the one that it was.
    Decayed,
    /// The flash reports an error.
    Flash(FlashError),
}

impl From<FlashError> for Failure {
    fn from(error: FlashError) -> Self {
        Self::Flash(error)
    }
}

impl Code for Failure {
    fn code(&self) -> u64 {
        match self {
            Self::NoFlash => 1,
            Self::TooSmall => 2,
            Self::TooLarge => 3,
            Self::NotWritten => 4,
            Self::Decayed => 5,
            Self::Flash(error) => 10 + *error as u64,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFlash => f.write_str("there is no flash that can be used"),
            Self::TooSmall => f.write_str("the flash does not have two halves for a content"),
            Self::TooLarge => f.write_str("the content does not fit"),
            Self::NotWritten => f.write_str("what was written does not read back"),
            Self::Decayed => f.write_str("the content in the flash has changed"),
            Self::Flash(error) => write!(f, "the flash reports an error: {error:?}"),
        }
    }
}

impl core::error::Error for Failure {}

/// Why a transfer ended without success: what [`molt_service::Transfer::Failed`] holds.
pub mod reason {
    /// The generation serves nothing yet, or a content on trial: the other half is the one to fall back to.
    pub const ON_TRIAL: u16 = 2;
    /// For other reasons: this and [`super::Failure`]'s code.
    pub const FAILURE: u16 = 0x100;
}

impl Failure {
    /// As a transfer's reason.
    #[must_use]
    pub fn reason(&self) -> u16 {
        reason::FAILURE | self.code() as u16
    }
}
