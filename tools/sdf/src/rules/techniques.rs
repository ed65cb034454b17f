// SPDX-License-Identifier: BSD-2-Clause
//! Techniques other than `hold`, which a guest's VMM carries out.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::System;

pub fn check(system: &System) -> Result<(), Broken> {
    for client in system.domains.iter().flat_map(|domain| &domain.clients) {
        let domain = &system.domains[client.domain];
        if let (Some(name), None) = (client.techniques.first(), &domain.machine) {
            let rule = Rule::TechniqueNative(name, domain.name.clone());
            return broken(&client.span, rule);
        }
    }
    Ok(())
}
