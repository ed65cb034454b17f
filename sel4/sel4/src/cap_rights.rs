// SPDX-License-Identifier: BSD-2-Clause
//! Rights of a capability.

use crate::Word;

const WRITE: Word = 1 << 0;
const READ: Word = 1 << 1;
const GRANT: Word = 1 << 2;
const GRANT_REPLY: Word = 1 << 3;

/// Rights that a capability is copied or mapped with (`seL4_CapRights_t`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapRights(Word);

impl CapRights {
    /// These rights.
    pub fn new(grant_reply: bool, grant: bool, read: bool, write: bool) -> Self {
        let mut rights = 0;
        if grant_reply {
            rights |= GRANT_REPLY;
        }
        if grant {
            rights |= GRANT;
        }
        if read {
            rights |= READ;
        }
        if write {
            rights |= WRITE;
        }
        Self(rights)
    }

    /// No right.
    pub fn none() -> Self {
        Self(0)
    }

    /// Every right.
    pub fn all() -> Self {
        Self(GRANT_REPLY | GRANT | READ | WRITE)
    }

    /// To read and to write.
    pub fn read_write() -> Self {
        Self(READ | WRITE)
    }

    /// To read.
    pub fn read_only() -> Self {
        Self(READ)
    }

    /// To write.
    pub fn write_only() -> Self {
        Self(WRITE)
    }

    /// As the kernel takes them.
    pub(crate) const fn into_word(self) -> Word {
        self.0
    }
}

/// Builds [`CapRights`] one by one.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct CapRightsBuilder {
    grant_reply: bool,
    grant: bool,
    read: bool,
    write: bool,
}

impl CapRightsBuilder {
    /// Starts with no right.
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts with every right.
    pub fn all() -> Self {
        Self {
            grant_reply: true,
            grant: true,
            read: true,
            write: true,
        }
    }

    /// The rights.
    pub fn build(self) -> CapRights {
        CapRights::new(self.grant_reply, self.grant, self.read, self.write)
    }

    /// Sets the right to grant a reply capability only.
    #[must_use]
    pub fn grant_reply(self, can: bool) -> Self {
        Self {
            grant_reply: can,
            ..self
        }
    }

    /// Sets the right to send capabilities.
    #[must_use]
    pub fn grant(self, can: bool) -> Self {
        Self { grant: can, ..self }
    }

    /// Sets the right to read or receive.
    #[must_use]
    pub fn read(self, can: bool) -> Self {
        Self { read: can, ..self }
    }

    /// Sets the right to write or send.
    #[must_use]
    pub fn write(self, can: bool) -> Self {
        Self { write: can, ..self }
    }
}

impl From<CapRightsBuilder> for CapRights {
    fn from(builder: CapRightsBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_kernels() {
        assert_eq!(CapRights::write_only().into_word(), 1);
        assert_eq!(CapRights::read_only().into_word(), 2);
        assert_eq!(CapRights::new(false, true, false, false).into_word(), 4);
        assert_eq!(
            CapRightsBuilder::all().grant(false).build().into_word(),
            0b1011
        );
    }
}
