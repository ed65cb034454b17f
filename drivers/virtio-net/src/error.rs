// SPDX-License-Identifier: BSD-2-Clause
//! Errors after which only a reset of the device helps.

use core::fmt;

use molt_service::Code;

/// The device, or what the driver was given, is not as it has to be. Only a reset of the device helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// More clients than [`crate::CLIENTS`].
    Clients,
    /// A client is held to an address that another one is held to, or to a group's.
    Address,
    /// The device reports that a frame is sent which it does not have. Holds the number.
    NotSubmitted(usize),
    /// An error of the device.
    Device(molt_virtio::Error),
}

impl Code for Error {
    fn code(&self) -> u64 {
        match self {
            Self::Clients => 100,
            Self::Address => 101,
            Self::NotSubmitted(_) => 102,
            Self::Device(error) => error.code(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => f.write_str("too many clients"),
            Self::Address => f.write_str("a client's address is another's or a group's"),
            Self::NotSubmitted(number) => write!(f, "frame {number} was not given"),
            Self::Device(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<molt_virtio::Error> for Error {
    fn from(error: molt_virtio::Error) -> Self {
        Self::Device(error)
    }
}
