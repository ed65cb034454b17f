// SPDX-License-Identifier: BSD-2-Clause
//! Replaceable PDs: which other PDs and channels they need, and what they may map and hold.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{
    Client, DomainId, IoMap, IrqSource, Map, ProtectionDomain, RegionId, Replaceable, Role, Stop,
    System,
};

/// Limits of the tables in `molt-system`.
const COMPONENTS: usize = 4;
const DEVICES: usize = 2;
const IRQS: usize = 4;
const REGIONS: usize = 32;

pub fn check(system: &System) -> Result<(), Broken> {
    let components = system.components();
    for (index, domain) in system.domains.iter().enumerate() {
        if domain.replaceable.is_some() {
            one(system, index, domain)?;
        } else if let Some(client) = domain.clients.first() {
            return broken(&client.span, Rule::ClientElsewhere);
        }
    }
    if let Some(extra) = components.get(COMPONENTS) {
        return broken(
            &system.domains[*extra].span,
            Rule::TooMany("replaceable protection domains", COMPONENTS),
        );
    }
    if let (Some(update), Some(stage)) = (system.role(Role::Update), system.role(Role::Stage)) {
        channel(system, update, stage)?;
    }
    if let Some(flash) = system.role(Role::Flash) {
        store(system, flash)?;
    }
    operator(system)?;
    revocable(system)
}

/// An operator's lines go through `serial` to `update`.
fn operator(system: &System) -> Result<(), Broken> {
    for (index, domain) in system.domains.iter().enumerate() {
        let Some(operator) = &domain.operator else {
            continue;
        };
        if domain.role != Some(Role::Serial) {
            return broken(&operator.span, Rule::OperatorElsewhere(domain.name.clone()));
        }
        if domain.irqs.is_empty() {
            return broken(&operator.span, Rule::OperatorDeaf(domain.name.clone()));
        }
        let Some(update) = system.role(Role::Update) else {
            return broken(&operator.span, Rule::MissingRole(Role::Update.name()));
        };
        channel(system, update, index)?;
    }
    Ok(())
}

/// Both ends of a channel that must be there.
pub(super) fn channel(system: &System, a: DomainId, b: DomainId) -> Result<(), Broken> {
    if system.channel(a, b).is_some() {
        return Ok(());
    }
    let (a, b) = (&system.domains[a], &system.domains[b]);
    broken(
        &a.span,
        Rule::MissingChannel(a.name.clone(), b.name.clone()),
    )
}

/// `flash` needs somebody to keep something for, and a bank that nobody else maps.
fn store(system: &System, index: DomainId) -> Result<(), Broken> {
    let domain = &system.domains[index];
    let Some(update) = system.role(Role::Update) else {
        return broken(&domain.span, Rule::MissingRole(Role::Update.name()));
    };
    channel(system, update, index)?;
    let is_device = |map: &&Map| system.region(map.region).phys_addr.is_some();
    match domain.maps.iter().find(is_device) {
        Some(bank) => device_is_its_own(system, index, bank),
        None => broken(&domain.span, Rule::NoBank(domain.name.clone())),
    }
}

fn one(system: &System, index: DomainId, domain: &ProtectionDomain) -> Result<(), Broken> {
    for role in [Role::Update, Role::Stage] {
        match system.role(role) {
            None => return broken(&domain.span, Rule::MissingRole(role.name())),
            Some(update) if role == Role::Update => channel(system, index, update)?,
            Some(_) => {}
        }
    }
    let refusals = [
        (domain.parent.is_some(), "it cannot be another's child"),
        (
            system
                .domains
                .iter()
                .any(|d| d.parent.is_some_and(|p| p.0 == index)),
            "it cannot have children",
        ),
        (domain.machine.is_some(), "it cannot have a virtual machine"),
        (domain.passive, "it cannot be passive"),
        (domain.smc, "it cannot hold the SMC capability"),
        (domain.role.is_some(), "it cannot have a role"),
        (
            !domain.cspace.is_empty(),
            "it cannot hold further capabilities",
        ),
        (domain.name.len() > 16, "its name is longer than 16 bytes"),
        (
            system
                .channels
                .iter()
                .flat_map(|c| &c.ends)
                .any(|e| e.domain == index && e.pp),
            "it may call nobody",
        ),
    ];
    if let Some((_, why)) = refusals.into_iter().find(|(refused, _)| *refused) {
        return broken(&domain.span, Rule::Replaceable(domain.name.clone(), why));
    }
    if let Some(irq) = domain.irqs.get(IRQS) {
        return broken(
            &irq.span,
            Rule::TooMany("interrupts of a replaceable protection domain", IRQS),
        );
    }
    if let Some(replaceable) = &domain.replaceable {
        pci(system, domain, replaceable)?;
        io_space(system, replaceable)?;
    }
    let is_device = |map: &&Map| system.region(map.region).phys_addr.is_some();
    if let Some(map) = domain.maps.iter().filter(is_device).nth(DEVICES) {
        return broken(
            &map.span,
            Rule::TooMany("devices of a replaceable protection domain", DEVICES),
        );
    }
    for map in &domain.maps {
        let region = system.region(map.region);
        if !region.revocable && region.phys_addr.is_none() {
            return broken(
                &map.span,
                Rule::MapNotRevocable(domain.name.clone(), region.name.clone()),
            );
        }
        if !region.revocable {
            device_is_its_own(system, index, map)?;
        }
    }
    Ok(())
}

/// A message for the first vector of user programs: 32 exceptions, 16 of the old interrupt controller's (seL4 16.0).
const FIRST_MESSAGE: u64 = 0x30;
/// Bytes of a page.
const PAGE: u64 = 0x1000;

fn pci(
    system: &System,
    domain: &ProtectionDomain,
    replaceable: &Replaceable,
) -> Result<(), Broken> {
    let Some(pci) = &replaceable.pci else {
        return match replaceable.stop {
            Stop::VirtioPci => broken(&replaceable.span, Rule::PciStop),
            _ => Ok(()),
        };
    };
    if replaceable.stop != Stop::VirtioPci {
        return broken(&replaceable.span, Rule::PciStop);
    }
    for id in [pci.configuration, pci.messages] {
        let region = system.region(id);
        let mut maps = system.domains.iter().flat_map(|d| &d.maps);
        let mapped = maps.any(|m| m.region == id);
        if region.phys_addr.is_none() || region.size != PAGE || mapped {
            return broken(&pci.span, Rule::PciPage(region.name.clone()));
        }
    }
    for irq in &domain.irqs {
        let vector = irq.unique();
        let wanted = vector + FIRST_MESSAGE;
        let right = matches!(irq.source, IrqSource::Msi { .. }) && irq.number.value == wanted;
        if !right {
            return broken(&irq.span, Rule::PciMessage(wanted, vector));
        }
    }
    Ok(())
}

/// `update` takes a device's address space away by one table.
fn io_space(system: &System, replaceable: &Replaceable) -> Result<(), Broken> {
    let Some(space) = replaceable.io_space.and_then(|id| system.io_spaces.get(id)) else {
        return Ok(());
    };
    let gib = |map: &IoMap| {
        let last = map.address + system.region(map.region).size - 1;
        [map.address >> 30, last >> 30]
    };
    let mut all = space.maps.iter().flat_map(gib);
    let first = all.next();
    match all.all(|gib| Some(gib) == first) {
        true => Ok(()),
        false => broken(&space.span, Rule::IoSpaceSpread),
    }
}

/// A device's page has one owner: no other PD or virtual machine maps it.
fn device_is_its_own(system: &System, index: DomainId, map: &Map) -> Result<(), Broken> {
    let name = &system.region(map.region).name;
    for (other, domain) in system.domains.iter().enumerate() {
        let machine = domain.machine.iter().flat_map(|m| &m.maps);
        let mut foreign = domain.maps.iter().filter(|_| other != index).chain(machine);
        if let Some(second) = foreign.find(|m| m.region == map.region) {
            return broken(
                &second.span,
                Rule::DeviceShared(name.clone(), system.domains[index].name.clone()),
            );
        }
    }
    Ok(())
}

/// Every revocable region belongs to exactly one component.
fn revocable(system: &System) -> Result<(), Broken> {
    let mut count = 0;
    for (id, region) in system
        .regions
        .iter()
        .enumerate()
        .filter(|(_, r)| r.revocable)
    {
        count += 1;
        if count > REGIONS {
            return broken(&region.span, Rule::TooMany("revocable regions", REGIONS));
        }
        let mut owners = system
            .domains
            .iter()
            .filter(|d| d.replaceable.is_some() && d.maps.iter().any(|m| m.region == id));
        match (owners.next(), owners.next()) {
            (None, _) => return broken(&region.span, Rule::RevocableUnused(region.name.clone())),
            (Some(a), Some(b)) => {
                let rule =
                    Rule::RevocableShared(region.name.clone(), a.name.clone(), b.name.clone());
                return broken(&region.span, rule);
            }
            (Some(owner), None) => strangers(system, id, owner)?,
        }
    }
    Ok(())
}

/// `update` maps a revocable region only for its component and for the client whose queue it is. No other PD may map it.
fn strangers(system: &System, id: RegionId, owner: &ProtectionDomain) -> Result<(), Broken> {
    for (index, domain) in system.domains.iter().enumerate() {
        if domain.name == owner.name {
            continue;
        }
        let is_client = |c: &Client| c.domain == index && c.queue == Some(id);
        let own = |_: &&Map| !owner.clients.iter().any(is_client);
        let maps = domain.maps.iter().filter(own).map(|m| (&domain.name, m));
        let machine = domain.machine.iter();
        let guests = machine.flat_map(|v| v.maps.iter().map(|m| (&v.name, m)));
        if let Some((holder, map)) = maps.chain(guests).find(|(_, m)| m.region == id) {
            let (holder, region) = (holder.clone(), system.region(id).name.clone());
            let rule = Rule::RevocableStranger(holder, region, owner.name.clone());
            return broken(&map.span, rule);
        }
    }
    Ok(())
}
