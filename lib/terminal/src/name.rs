// SPDX-License-Identifier: BSD-2-Clause
//! What consoles are called.

use core::fmt;

/// Which of its guest's devices a console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The PL011, in Linux `ttyAMA0`: it has the guest's name.
    Uart,
    /// The virtio console, in Linux `hvc0`.
    Virtio,
}

/// All of them, in the order of the tables in briefs.
pub const KINDS: [Kind; 2] = [Kind::Uart, Kind::Virtio];

impl Kind {
    /// What its console's name ends with, behind the guest's.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Uart => "",
            Self::Virtio => "/hvc0",
        }
    }
}

/// A console's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The guest's.
    pub guest: &'a str,
    /// Which console of it.
    pub kind: Kind,
}

impl Name<'_> {
    /// Whether it is written so.
    pub fn is(&self, word: &[u8]) -> bool {
        word.strip_prefix(self.guest.as_bytes()) == Some(self.kind.suffix().as_bytes())
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.guest)?;
        f.write_str(self.kind.suffix())
    }
}
