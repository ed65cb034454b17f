// SPDX-License-Identifier: BSD-2-Clause
//! Scheduling domains are allowed only in plain Microkit systems.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::System;

pub fn check(system: &System) -> Result<(), Broken> {
    if system.domain_schedule.is_none() {
        return Ok(());
    }
    for domain in &system.domains {
        let ours = match (&domain.replaceable, domain.role) {
            (Some(_), _) => "is replaceable",
            (None, Some(_)) => "has a role",
            (None, None) => continue,
        };
        let rule = Rule::DomainsWithUpdate(domain.name.clone(), ours);
        return broken(&domain.span, rule);
    }
    Ok(())
}
