// SPDX-License-Identifier: BSD-2-Clause
//! What ends a generation, and what ends a transfer.

use core::fmt;

use molt_firmware::Refusal;
use molt_link::Broken;
use molt_service::Code;

/// Why a generation cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The line's device failed.
    Line(E),
    /// The generation was given bytes that are no firmware image.
    Image(Refusal),
    /// The controller refuses the firmware.
    Refused(Refusal),
    /// The controller was to restart into the firmware, and has gone back to another one: this one does not work.
    WentBack,
    /// The controller runs another firmware than the generation's.
    Changed,
    /// The sensor of this number cannot have the value that the controller gave.
    Nonsense(u32),
    /// The controller gave an answer to something else than was asked.
    Answer,
}

impl<E: Code> Code for Failure<E> {
    fn code(&self) -> u64 {
        match self {
            Self::Line(error) => error.code(),
            Self::WentBack => 20,
            Self::Changed => 21,
            Self::Nonsense(_) => 22,
            Self::Answer => 23,
            Self::Image(refusal) => 30 + u64::from(refusal.code()),
            Self::Refused(refusal) => 60 + u64::from(refusal.code()),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::Image(refusal) => write!(f, "what the generation was given: {refusal}"),
            Self::Refused(refusal) => write!(f, "the controller refuses the firmware: {refusal}"),
            Self::WentBack => f.write_str("the controller has gone back to another firmware"),
            Self::Changed => f.write_str("the controller runs another firmware"),
            Self::Nonsense(sensor) => write!(f, "sensor {sensor} cannot have this value"),
            Self::Answer => f.write_str("the controller's answer is to something else"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Failure<E> {}

/// Why a transfer ended without success: what [`molt_service::Transfer::Failed`] holds.
pub mod reason {
    /// The controller has not answered in time.
    pub const SILENT: u16 = 2;
    /// The controller's answer was to something else.
    pub const ANSWER: u16 = 3;
    /// What is to be transferred is no image: this and the number of the refusal (`molt_firmware::Refusal`).
    pub const IMAGE: u16 = 0x100;
    /// The controller refuses it: this and the number of the refusal.
    pub const REFUSED: u16 = 0x200;
}

/// Why a step with the firmware has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// By the controller.
    Refused(Refusal),
    /// The controller has not answered in time.
    Silent,
    /// The controller's answer was to something else.
    Answer,
}

impl Stopped {
    /// As a transfer's reason.
    pub fn reason(self) -> u16 {
        match self {
            Self::Refused(refusal) => reason::REFUSED | u16::from(refusal.code()),
            Self::Silent => reason::SILENT,
            Self::Answer => reason::ANSWER,
        }
    }
}

impl From<Broken> for Stopped {
    fn from(Broken::Silent: Broken) -> Self {
        Self::Silent
    }
}
