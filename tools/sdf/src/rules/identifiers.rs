// SPDX-License-Identifier: BSD-2-Clause
//! Identifiers within a PD: channels and interrupts share one space, children and vCPUs another.

use crate::error::{Broken, broken};
use crate::model::{Role, System};
use crate::{Rule, Span};
use std::collections::BTreeMap;

/// The slot of the root CNode in which `update` and `stage` have a CNode of their own.
const VAULT_SLOT: u64 = 1;

pub fn check(system: &System) -> Result<(), Broken> {
    let mut numbers: BTreeMap<u64, &str> = BTreeMap::new();
    for (index, domain) in system.domains.iter().enumerate() {
        for irq in &domain.irqs {
            if let Some(owner) = numbers.insert(irq.unique(), &domain.name) {
                return broken(
                    &irq.number.span,
                    Rule::DuplicateIrq(irq.unique(), owner.to_owned()),
                );
            }
        }
        let ends = system
            .channels
            .iter()
            .flat_map(|c| &c.ends)
            .filter(|e| e.domain == index);
        let clients = system.domains.iter().flat_map(|d| &d.clients);
        let passed = clients
            .filter(|client| client.domain == index)
            .filter_map(|client| Some((client.passed()?.id, &client.span)));
        let ids = domain
            .irqs
            .iter()
            .map(|i| (i.id.value, &i.id.span))
            .chain(ends.map(|e| (e.id.value, &e.id.span)))
            .chain(passed);
        once(ids, |id| Rule::DuplicateId(id, domain.name.clone()))?;

        let ports = domain.ioports.iter().map(|p| (p.id.value, &p.id.span));
        once(ports, |id| Rule::DuplicateId(id, domain.name.clone()))?;

        let children = system
            .domains
            .iter()
            .filter_map(|d| Some((d.parent.filter(|p| p.0 == index)?.1, &d.span)));
        let vcpus = domain
            .machine
            .iter()
            .flat_map(|m| &m.vcpus)
            .map(|v| (v.id.value, &v.id.span));
        once(vcpus.chain(children), |id| {
            Rule::DuplicateId(id, domain.name.clone())
        })?;

        let has_vault = matches!(domain.role, Some(Role::Update | Role::Stage));
        let vault = has_vault.then_some((VAULT_SLOT, &domain.span));
        let slots = domain.cspace.iter().map(|c| (c.slot.value, &c.slot.span));
        once(vault.into_iter().chain(slots), |slot| {
            Rule::DuplicateSlot(slot, domain.name.clone())
        })?;

        let mut symbols = BTreeMap::new();
        for setvar in &domain.setvars {
            if symbols.insert(setvar.symbol.value.as_str(), ()).is_some() {
                let rule = Rule::DuplicateSetvar(setvar.symbol.value.clone(), domain.name.clone());
                return broken(&setvar.symbol.span, rule);
            }
        }
    }
    Ok(())
}

fn once<'a>(
    ids: impl Iterator<Item = (u64, &'a Span)>,
    rule: impl Fn(u64) -> Rule,
) -> Result<(), Broken> {
    let mut seen = BTreeMap::new();
    for (id, span) in ids {
        if seen.insert(id, ()).is_some() {
            return broken(span, rule(id));
        }
    }
    Ok(())
}
