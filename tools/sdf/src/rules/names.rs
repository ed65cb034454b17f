// SPDX-License-Identifier: BSD-2-Clause
//! Names are unique, and no limit on the number of things is exceeded.

use crate::error::{Broken, broken};
use crate::model::{Role, System};
use crate::{Rule, Span};
use std::collections::BTreeSet;

fn unique<'a>(
    kind: &'static str,
    names: impl Iterator<Item = (&'a str, &'a Span)>,
) -> Result<(), Broken> {
    let mut seen = BTreeSet::new();
    for (name, span) in names {
        if !seen.insert(name) {
            return broken(span, Rule::DuplicateName(kind, name.to_owned()));
        }
    }
    Ok(())
}

pub fn check(system: &System) -> Result<(), Broken> {
    if system.domains.is_empty() {
        return broken(&(0..1), Rule::Empty);
    }
    if let Some(extra) = system.domains.get(63) {
        return broken(&extra.span, Rule::TooManyDomains(system.domains.len()));
    }
    unique(
        "memory region",
        system.regions.iter().map(|r| (r.name.as_str(), &r.span)),
    )?;
    unique(
        "protection domain",
        system.domains.iter().map(|d| (d.name.as_str(), &d.span)),
    )?;
    let machines = system.domains.iter().filter_map(|d| d.machine.as_ref());
    unique(
        "virtual machine",
        machines.map(|m| (m.name.as_str(), &m.span)),
    )?;
    for role in Role::ALL {
        let mut with_role = system.domains.iter().filter(|d| d.role == Some(role));
        if let (Some(first), Some(second)) = (with_role.next(), with_role.next()) {
            return broken(
                &second.span,
                Rule::DuplicateRole(role.name(), first.name.clone()),
            );
        }
    }
    Ok(())
}
