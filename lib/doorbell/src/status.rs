// SPDX-License-Identifier: BSD-2-Clause
//! Commands, and the states of a transaction.

/// What a guest writes to the COMMAND register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    /// Offer the bundle, or the list of keys, in the staging region for COMPONENT.
    Offer = 1,
    /// Confirm the offer whose handle is in HANDLE.
    Confirm = 2,
    /// Take the offer back; has no effect once the bundle has been copied.
    Cancel = 3,
    /// Forget COMPONENT's failed images, and believe its fenced clients again, from the next grant on. It needs no offer
    /// and no handle. The answer repeats the component's status. (Without it, a failed image is refused with
    /// `failed-before` for an hour; `molt-update` keeps 32 of them.)
    Forgive = 4,
}

impl Command {
    /// The command of this number, if there is one.
    #[must_use]
    pub const fn from_u32(value: u32) -> Option<Self> {
        Some(match value {
            1 => Self::Offer,
            2 => Self::Confirm,
            3 => Self::Cancel,
            4 => Self::Forgive,
            _ => return None,
        })
    }
}

/// State of the transaction as the STATUS register shows it. From 16 on the transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Status {
    /// No transaction since the start.
    #[default]
    Idle = 0,
    /// Offered; HANDLE is valid; waits for the confirm.
    Offered = 1,
    /// Confirmed; `stage` copies and checks. A list of keys is kept then too.
    Confirmed = 2,
    /// The copy has been checked; the new generation is being built.
    Verified = 3,
    /// The new generation is built; the old one has been ordered to quiesce.
    Staged = 4,
    /// The old generation has quiesced, or its deadline has passed.
    Quiesced = 5,
    /// The device is stopped, and everything is revoked.
    Denied = 6,
    /// The new generation has been given the device.
    Granted = 7,
    /// Requests flow; the new generation is being watched.
    Probation = 8,
    /// The copy has been checked; it waits for the operator's approval.
    Approval = 9,
    /// The device has the new firmware beside the old one; the old generation has been ordered to quiesce.
    Transferred = 10,
    /// The new generation is built; guests that use the device defer the update.
    Deferred = 11,
    /// Done: the new generation stays.
    Committed = 16,
    /// The committed image runs again; REASON says why.
    RolledBack = 17,
    /// Even the committed image failed; REASON says why.
    OutOfService = 18,
    /// The offer or its bundle was refused; what ran was not disturbed. REASON says why.
    Refused = 19,
    /// Done: the list of keys is in force. SEQUENCE is the list's.
    KeysExchanged = 20,
}

impl Status {
    /// All of them, in order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Idle,
        Self::Offered,
        Self::Confirmed,
        Self::Verified,
        Self::Staged,
        Self::Quiesced,
        Self::Denied,
        Self::Granted,
        Self::Probation,
        Self::Approval,
        Self::Transferred,
        Self::Deferred,
        Self::Committed,
        Self::RolledBack,
        Self::OutOfService,
        Self::Refused,
        Self::KeysExchanged,
    ];

    /// The status of this number, if there is one.
    #[must_use]
    pub fn from_u32(value: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as u32 == value)
    }

    /// Whether the transaction has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self as u32 >= 16
    }

    /// The word for it, as `ring` lines and reports print it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Offered => "offered",
            Self::Confirmed => "confirmed",
            Self::Verified => "verified",
            Self::Staged => "staged",
            Self::Quiesced => "quiesced",
            Self::Denied => "denied",
            Self::Granted => "granted",
            Self::Probation => "probation",
            Self::Approval => "approval",
            Self::Transferred => "transferred",
            Self::Deferred => "deferred",
            Self::Committed => "committed",
            Self::RolledBack => "rolled back",
            Self::OutOfService => "out of service",
            Self::Refused => "refused",
            Self::KeysExchanged => "keys exchanged",
        }
    }
}
