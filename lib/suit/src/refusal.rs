// SPDX-License-Identifier: BSD-2-Clause
//! Why an envelope is refused: a code for the guest, and a name for a person.

use core::fmt;

use molt_doorbell::Reason;

use crate::names;

/// Why an envelope is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the guest reads.
    pub reason: Reason,
    /// What exactly was refused.
    pub detail: Detail,
}

/// What exactly was refused. Numbers are those of the registries of draft-ietf-suit-manifest-37 (section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing more than the reason.
    Nothing,
    /// In words.
    Text(&'static str),
    /// A member of the envelope.
    Envelope(i64),
    /// A member of the manifest.
    Manifest(i64),
    /// A member of suit-common.
    Common(i64),
    /// A condition or directive.
    Command(i64),
    /// A parameter.
    Parameter(i64),
    /// A COSE algorithm.
    Algorithm(i64),
    /// A component, by its index in the manifest.
    Component(u8),
}

impl Refusal {
    /// A reason without detail.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            detail: Detail::Nothing,
        }
    }

    /// A reason in words.
    #[must_use]
    pub const fn text(reason: Reason, text: &'static str) -> Self {
        Self {
            reason,
            detail: Detail::Text(text),
        }
    }

    /// A reason and what it is about.
    #[must_use]
    pub const fn of(reason: Reason, detail: Detail) -> Self {
        Self { reason, detail }
    }

    /// CBOR that is not what the draft's CDDL says.
    #[must_use]
    pub const fn malformed(text: &'static str) -> Self {
        Self::text(Reason::NotABundle, text)
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.text())?;
        let named = |f: &mut fmt::Formatter<'_>, what, number, name: Option<&str>| match name {
            Some(name) => write!(f, ": {what} {number} ({name})"),
            None => write!(f, ": {what} {number}"),
        };
        match self.detail {
            Detail::Nothing => Ok(()),
            Detail::Text(text) => write!(f, ": {text}"),
            Detail::Envelope(n) => named(f, "member of the envelope", n, names::envelope(n)),
            Detail::Manifest(n) => named(f, "member of the manifest", n, names::manifest(n)),
            Detail::Common(n) => named(f, "member of suit-common", n, names::common(n)),
            Detail::Command(n) => named(f, "command", n, names::command(n)),
            Detail::Parameter(n) => named(f, "parameter", n, names::parameter(n)),
            Detail::Algorithm(n) => named(f, "algorithm", n, names::algorithm(n)),
            Detail::Component(n) => write!(f, ": component {n} of the manifest"),
        }
    }
}
