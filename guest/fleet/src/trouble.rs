// SPDX-License-Identifier: BSD-2-Clause
//! What can be wrong with a server and with what it delivers.

use crate::network::Lost;
use crate::url::BadUrl;

/// Why a request has not been answered as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection.
    #[error("the server cannot be reached: {0}")]
    Lost(#[from] Lost),
    /// The answer has ended too early.
    #[error("the server's answer was cut off")]
    CutOff,
    /// Another status than one that was expected.
    #[error("the server answers with status {0}{hint}", hint = hint(*.0))]
    Status(u16),
    /// It does not speak HTTP as it should.
    #[error("the server's answer is no HTTP: {0}")]
    NotHttp(&'static str),
    /// An answer is longer than any should be.
    #[error("the server's answer is too long: {0}")]
    TooLong(&'static str),
    /// A document that the interface does not have.
    #[error("the server's document '{0}' cannot be understood: {1}")]
    Document(&'static str, &'static str),
    /// An address that cannot be used.
    #[error("the server's address of {0} cannot be used: {1}")]
    Url(&'static str, BadUrl),
    /// A chain of redirections.
    #[error("the server redirects more than {0} times")]
    Redirections(usize),
    /// Not one bundle.
    #[error("{0}")]
    NoBundle(&'static str),
    /// More bytes than a bundle may have.
    #[error("it is longer than the {0} bytes that the doorbell takes")]
    OverLimit(u64),
    /// More bytes, or fewer, than were announced.
    #[error("{0} bytes came, and the server had announced {1}")]
    Length(u64, u64),
    /// Other bytes than were announced.
    #[error("its {0} is not the one that the server had announced")]
    Digest(&'static str),
    /// The folder for what is kept cannot be written or read: the system's error number.
    #[error("the folder for what has to be kept fails with error number {0}")]
    Store(usize),
    /// What is in that folder was not written by this program.
    #[error("the record of the last action is damaged; remove it")]
    Record,
    /// The doorbell does not answer: why was printed.
    #[error("the doorbell does not answer")]
    Doorbell,
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => ": it does not accept the token, or knows no such device",
        404 => ": it knows no such device or action",
        _ => "",
    }
}

impl Trouble {
    /// Whether it may be gone if one waits.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Lost(_) | Self::CutOff | Self::Store(_) | Self::Doorbell => true,
            Self::Status(status) => {
                *status >= 500 || matches!(*status, 401 | 403 | 408 | 425 | 429)
            }
            _ => false,
        }
    }
}
