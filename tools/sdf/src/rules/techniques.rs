// SPDX-License-Identifier: BSD-2-Clause
//! Techniques other than `hold`, which a guest's VMM carries out.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{DomainId, Role, System};

pub fn check(system: &System) -> Result<(), Broken> {
    for client in system.domains.iter().flat_map(|domain| &domain.clients) {
        let domain = &system.domains[client.domain];
        if let (Some(name), None) = (client.techniques.first(), &domain.machine) {
            let rule = Rule::TechniqueNative(name, domain.name.clone());
            return broken(&client.span, rule);
        }
    }
    (0..system.domains.len()).try_for_each(|index| pause(system, index))
}

/// What a guest needs to be paused.
fn pause(system: &System, index: DomainId) -> Result<(), Broken> {
    let domain = &system.domains[index];
    let mut clients = system.domains.iter().flat_map(|domain| &domain.clients);
    let pauses = clients.find(|client| client.domain == index && client.techniques.pause);
    let guest = domain.machine.as_ref().and_then(|m| m.guest.as_ref());
    match (pauses, guest) {
        (None, Some(guest)) if guest.pause.described => {
            let name = domain.machine.as_ref().map(|m| m.name.clone());
            broken(&guest.span, Rule::PauseNever(name.unwrap_or_default()))
        }
        (Some(client), _) => {
            let timer = system.role(Role::Timer);
            if timer.is_none_or(|timer| system.channel(index, timer).is_none()) {
                return broken(&client.span, Rule::PauseTimer(domain.name.clone()));
            }
            if domain.schedule.budget < domain.schedule.period {
                return broken(&client.span, Rule::PauseBudget(domain.name.clone()));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
