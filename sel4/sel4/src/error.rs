// SPDX-License-Identifier: BSD-2-Clause
//! Errors of invocations.

use core::fmt;

use crate::Word;

/// `Result` of an invocation.
pub type Result<T> = core::result::Result<T, Error>;

/// Why an invocation failed (`seL4_Error`).
#[repr(u32)]
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub enum Error {
    /// An argument is not valid.
    InvalidArgument = 1,
    /// A capability is of the wrong kind, or there is none.
    InvalidCapability = 2,
    /// The operation is not permitted on this object or in its state.
    IllegalOperation = 3,
    /// An argument is outside its range.
    RangeError = 4,
    /// An address is not aligned.
    AlignmentError = 5,
    /// A capability could not be looked up.
    FailedLookup = 6,
    /// The message is too short or misses capabilities.
    TruncatedMessage = 7,
    /// The destination is in use.
    DeleteFirst = 8,
    /// The object has children.
    RevokeFirst = 9,
    /// The untyped does not have so much memory left.
    NotEnoughMemory = 10,
}

const _: () = assert!(Error::NotEnoughMemory as u32 == 10);

impl Error {
    /// The number that the kernel uses.
    pub const fn into_sys(self) -> u32 {
        self as u32
    }

    /// The error with the kernel's number `err`; `None` for 0.
    ///
    /// # Panics
    /// If the kernel has no such error.
    pub fn from_sys(err: u32) -> Option<Self> {
        Some(match err {
            0 => return None,
            1 => Self::InvalidArgument,
            2 => Self::InvalidCapability,
            3 => Self::IllegalOperation,
            4 => Self::RangeError,
            5 => Self::AlignmentError,
            6 => Self::FailedLookup,
            7 => Self::TruncatedMessage,
            8 => Self::DeleteFirst,
            9 => Self::RevokeFirst,
            10 => Self::NotEnoughMemory,
            _ => panic!("not an seL4 error: {err}"),
        })
    }

    /// The outcome of an invocation whose reply has `label`.
    pub(crate) fn check(label: Word) -> Result<()> {
        match Self::from_sys(u32::try_from(label).unwrap_or(u32::MAX)) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seL4 error {self:?}")
    }
}
