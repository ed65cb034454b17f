// SPDX-License-Identifier: BSD-2-Clause
//! Clients of replaceable PDs and their shares.

use molt_net::Buffers;

use super::replaceable::channel;
use super::{pass_through, rom};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Client, DomainId, Map, ProtectionDomain, ROM, RegionId, Role, Share, System};

/// Limit of the tables in `molt-system`.
const CLIENTS: usize = 8;

pub fn check(system: &System) -> Result<(), Broken> {
    for index in system.components() {
        let domain = &system.domains[index];
        for (n, client) in domain.clients.iter().enumerate() {
            one(system, index, client)?;
            disjoint(system, index, &domain.clients[..n], client)?;
        }
        rings(system, domain)?;
        pass_through::component(system, domain)?;
        rom::component(system, index)?;
    }
    let clients = system.clients();
    if let Some(extra) = clients.get(CLIENTS) {
        return broken(
            &system.domains[*extra].span,
            Rule::TooMany("clients of replaceable protection domains", CLIENTS),
        );
    }
    let Some(update) = system.role(Role::Update) else {
        return Ok(());
    };
    clients
        .into_iter()
        .try_for_each(|client| channel(system, client, update))
}

fn mapped(maps: &[Map], region: RegionId) -> bool {
    maps.iter().any(|m| m.region == region)
}

fn one(system: &System, driver: DomainId, client: &Client) -> Result<(), Broken> {
    if let (Some(share), Some(replaceable)) = (&client.share, &system.domains[driver].replaceable)
        && share.class() != replaceable.class
    {
        return broken(
            &client.span,
            Rule::ShareClass(
                share.class(),
                system.domains[driver].name.clone(),
                replaceable.class.clone(),
            ),
        );
    }
    let described = &system.domains[driver];
    let is = |class| (described.replaceable.as_ref()).is_some_and(|r| r.class == class);
    let is_network = is("network");
    if is_network && client.share.is_none() {
        return broken(&client.span, Rule::NetworkShare(described.name.clone()));
    }
    if let Some(passed) = client.passed() {
        return pass_through::client(system, driver, client, passed);
    }
    if is(ROM) {
        return rom::client(system, driver, client);
    }
    let Some(id) = client.queue else {
        return broken(
            &client.span,
            Rule::MissingAttribute("client".to_owned(), "queue"),
        );
    };
    let queue = system.region(id);
    if !queue.revocable {
        return broken(&client.span, Rule::QueueNotRevocable(queue.name.clone()));
    }
    for domain in [&system.domains[driver], &system.domains[client.domain]] {
        if !mapped(&domain.maps, id) {
            return broken(
                &client.span,
                Rule::QueueUnmapped(queue.name.clone(), domain.name.clone()),
            );
        }
    }
    if is_network {
        let (name, least) = (queue.name.clone(), Buffers::LEAST.next_multiple_of(0x1000));
        if Buffers::of(queue.size as usize).each() == 0 {
            let rule = Rule::NetworkQueue(name, queue.size, least as u64);
            return broken(&client.span, rule);
        }
    }
    let domain = &system.domains[client.domain];
    match client.memory {
        Some(_) if is("sensor") => {
            return broken(&client.span, Rule::SensorMemory(described.name.clone()));
        }
        Some(memory) if !mapped(&domain.maps, memory) => {
            let memory = system.region(memory).name.clone();
            let rule = Rule::MemoryUnmapped(memory, domain.name.clone());
            return broken(&client.span, rule);
        }
        None if !is("sensor") => {
            let rule = Rule::MissingAttribute("client".to_owned(), "memory");
            return broken(&client.span, rule);
        }
        _ => {}
    }
    if domain.parent.is_some() {
        // Its faults on the queue must come to `update`, not to its parent.
        return broken(
            &client.span,
            Rule::Replaceable(
                system.domains[driver].name.clone(),
                "its client cannot be another's child",
            ),
        );
    }
    channel(system, client.domain, driver)
}

fn disjoint(
    system: &System,
    driver: DomainId,
    before: &[Client],
    client: &Client,
) -> Result<(), Broken> {
    let own = client.sectors();
    for other in before {
        let owner = system.domains[other.domain].name.clone();
        if client.domain == other.domain {
            let driver = system.domains[driver].name.clone();
            return broken(&client.span, Rule::ClientTwice(owner, driver));
        }
        if let Some(queue) = client.queue.filter(|_| client.queue == other.queue) {
            let queue = system.region(queue).name.clone();
            return broken(&client.span, Rule::QueueShared(queue, owner));
        }
        let others = other.sectors();
        if own.start < others.end && others.start < own.end {
            let last = own.end.saturating_sub(1);
            return broken(&client.span, Rule::ShareOverlap(own.start, last, owner));
        }
        if let (Some(Share::Network { mac, .. }), Some(Share::Network { mac: theirs, .. })) =
            (client.share, other.share)
            && mac == theirs
        {
            let bytes = mac.map(|byte| format!("{byte:02x}"));
            return broken(&client.span, Rule::MacTwice(bytes.join(":"), owner));
        }
    }
    Ok(())
}

/// At most one revocable region of a driver is no client's queue: the ring memory.
fn rings(system: &System, domain: &ProtectionDomain) -> Result<(), Broken> {
    let is_ring = |m: &&Map| {
        system.region(m.region).revocable
            && !domain.clients.iter().any(|c| c.queue == Some(m.region))
    };
    let mut rings = domain.maps.iter().filter(is_ring);
    if let (Some(a), Some(b)) = (rings.next(), rings.next()) {
        let name = |m: &Map| system.region(m.region).name.clone();
        return broken(
            &b.span,
            Rule::TwoRings(name(a), name(b), domain.name.clone()),
        );
    }
    Ok(())
}
