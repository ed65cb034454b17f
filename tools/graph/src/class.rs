// SPDX-License-Identifier: BSD-2-Clause
//! The names of things in the style sheet.

use crate::view::{Kind, LinkKind, Mark};

/// The class of a box.
pub fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Service => "service",
        Kind::Component => "component",
        Kind::Domain => "domain",
        Kind::Memory => "memory",
        Kind::Revocable => "revocable",
        Kind::Device => "device",
    }
}

/// The class of a line.
pub fn of_link(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Channel => "channel",
        LinkKind::Mapping => "mapping",
        LinkKind::Revocable => "revoked",
        LinkKind::Update => "update",
        LinkKind::Parent => "parent",
    }
}

/// The class of a mark.
pub fn of_mark(mark: Mark) -> &'static str {
    match mark {
        Mark::None => "",
        Mark::Device => "device",
        Mark::Interrupt => "interrupt",
        Mark::Memory => "memory",
        Mark::Revocable => "revocable",
        Mark::Doorbell => "bell",
    }
}
