// SPDX-License-Identifier: BSD-2-Clause
//! Errors after which only a reset of the device helps.

use core::fmt;

use crate::Code;

/// The device, or what the driver was given, is not as it has to be. Only a reset of the device helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// More clients than the driver can have.
    Clients,
    /// A client's share is not to be had; holds why.
    Share(&'static str),
    /// The device reports that a request is done which it does not have. Holds the number.
    NotSubmitted(usize),
    /// An error of the device.
    Device(E),
}

impl<E: Code> Code for Error<E> {
    fn code(&self) -> u64 {
        match self {
            Self::Clients => 100,
            Self::Share(_) => 101,
            Self::NotSubmitted(_) => 102,
            Self::Device(error) => error.code(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => f.write_str("too many clients"),
            Self::Share(why) => f.write_str(why),
            Self::NotSubmitted(number) => write!(f, "request {number} was not given"),
            Self::Device(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}

impl<E> From<E> for Error<E> {
    fn from(error: E) -> Self {
        Self::Device(error)
    }
}
