// SPDX-License-Identifier: BSD-2-Clause
//! Errors after which only a reset of the controller helps.

use core::fmt;

use molt_block::Code;

/// Controller or card, or what the driver was given, is not as it has to be. Not recoverable but by a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A controller of another version of the specification than 2.00 or 3.00 (H 2.2.33); holds the register's value.
    Version(u8),
    /// The controller has no ADMA2 (H 2.2.26).
    NoAdma,
    /// The controller does not say its base clock, or no voltage (H 2.2.26).
    Capabilities,
    /// A reset does not end (H 2.2.16).
    Reset,
    /// The clock does not become stable (H 3.2.1).
    Clock,
    /// The ring memory is too small, not aligned to 8 bytes, or beyond what the controller reaches.
    Memory,
    /// There is no card, or it was taken out.
    NoCard,
    /// The card does not answer this command of its start, or answers nonsense; holds the command's index.
    Card(u8),
}

impl Code for Error {
    fn code(&self) -> u64 {
        match self {
            Self::Version(_) => 1,
            Self::NoAdma => 2,
            Self::Capabilities => 3,
            Self::Reset => 4,
            Self::Clock => 5,
            Self::Memory => 6,
            Self::NoCard => 7,
            Self::Card(_) => 8,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "host controller version {version}, not 1 or 2"),
            Self::NoAdma => f.write_str("the controller has no ADMA2"),
            Self::Capabilities => f.write_str("the controller tells no base clock or no voltage"),
            Self::Reset => f.write_str("the controller does not reset"),
            Self::Clock => f.write_str("the clock does not become stable"),
            Self::Memory => f.write_str("ring memory too small, misaligned or out of reach"),
            Self::NoCard => f.write_str("no card"),
            Self::Card(index) => write!(f, "the card does not start: command {index}"),
        }
    }
}

impl core::error::Error for Error {}
