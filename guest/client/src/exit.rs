// SPDX-License-Identifier: BSD-2-Clause
//! The program's exit codes.

use molt_doorbell::Status;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command was carried out; an update that was waited for is committed, a list of keys in force.
    Done = 0,
    /// The command line is wrong, or the file cannot be read.
    Usage = 1,
    /// There is no doorbell, another program uses it, or it does not answer as it should.
    Doorbell = 2,
    /// The command or the offer was refused. What runs was not disturbed.
    Refused = 3,
    /// The update was rolled back.
    RolledBack = 4,
    /// The component is out of service.
    OutOfService = 5,
    /// The guest's own part of the update is not allowed, and nothing was offered; or it could not be stored, and the offer was taken
    /// back. What runs was not disturbed.
    Part = 6,
    /// The fleet's server cannot be reached, or does not answer as it should.
    Server = 7,
}

impl Exit {
    /// The code for a transaction that has reached this status.
    #[must_use]
    pub const fn of(status: Status) -> Self {
        match status {
            Status::Refused => Self::Refused,
            Status::RolledBack => Self::RolledBack,
            Status::OutOfService => Self::OutOfService,
            _ => Self::Done,
        }
    }
}
