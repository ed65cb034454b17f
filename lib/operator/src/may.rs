// SPDX-License-Identifier: BSD-2-Clause
//! What an operator may do.

/// A set of groups of commands, as `may` of `<operator>` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct May(pub u32);

impl May {
    /// `list`, `log`.
    pub const LOOK: Self = Self(1);
    /// `approve`, `force`, `refuse`.
    pub const DECIDE: Self = Self(2);
    /// `freeze`, `thaw`.
    pub const FREEZE: Self = Self(4);
    /// `rollback`.
    pub const ROLLBACK: Self = Self(8);
    /// `forgive`.
    pub const FORGIVE: Self = Self(16);
    /// `restore`: back into service.
    pub const RESTORE: Self = Self(32);
    /// `readmit`: believe a fenced client again.
    pub const READMIT: Self = Self(64);

    /// All groups, with their words.
    pub const ALL: [(&'static str, Self); 7] = [
        ("look", Self::LOOK),
        ("decide", Self::DECIDE),
        ("freeze", Self::FREEZE),
        ("rollback", Self::ROLLBACK),
        ("forgive", Self::FORGIVE),
        ("restore", Self::RESTORE),
        ("readmit", Self::READMIT),
    ];

    /// Whether all of `group` is in it.
    #[must_use]
    pub const fn allows(self, group: Self) -> bool {
        self.0 & group.0 == group.0
    }
}
