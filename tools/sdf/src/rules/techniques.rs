// SPDX-License-Identifier: BSD-2-Clause
//! Techniques other than `hold`, which a guest's VMM carries out.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Client, DomainId, Map, Role, Share, System};

pub fn check(system: &System) -> Result<(), Broken> {
    for client in system.domains.iter().flat_map(|domain| &domain.clients) {
        let domain = &system.domains[client.domain];
        if let (Some(name), None) = (client.techniques.first(), &domain.machine) {
            let rule = Rule::TechniqueNative(name, domain.name.clone());
            return broken(&client.span, rule);
        }
        stand_in(system, client)?;
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

/// Most bytes of a stand-in's memory: the record of what is where is on the VMM's heap.
const LARGEST: u64 = 0x400_0000;
/// Least bytes of a log: one record of the VMM's.
const LOG: u64 = 0x1_0000;
/// Bytes of a disk's queue with room for one record behind it, in whole pages.
const QUEUE: u64 = 0x3_1000;

/// The memory of a disk's stand-in.
fn stand_in(system: &System, client: &Client) -> Result<(), Broken> {
    let wanted = client.techniques.stand_in && matches!(client.share, Some(Share::Block { .. }));
    let domain = &system.domains[client.domain];
    let refused = |rule| broken(&client.span, rule);
    let memory = match (wanted, client.stand_in) {
        (true, Some(memory)) => memory,
        (true, None) => return refused(Rule::StandInMissing(domain.name.clone())),
        (false, Some(_)) => return refused(Rule::StandInUnused),
        (false, None) => return Ok(()),
    };
    let region = system.region(memory.region);
    let name = region.name.clone();
    let of = |map: &&Map| map.region == memory.region;
    match domain.maps.iter().find(of) {
        Some(map) if map.rights.read && map.rights.write => {}
        _ => return refused(Rule::StandInUnmapped(name, domain.name.clone())),
    }
    let domains = system.domains.iter();
    let all = domains.flat_map(|d| d.maps.iter().chain(d.machine.iter().flat_map(|m| &m.maps)));
    if all.filter(of).count() > 1 || region.revocable || region.phys_addr.is_some() {
        return refused(Rule::StandInShared(name));
    }
    let fits = (LOG..region.size.saturating_sub(0xfff)).contains(&memory.log);
    if !fits || !memory.log.is_multiple_of(0x1000) || region.size > LARGEST {
        return refused(Rule::StandInSize(name, region.size, memory.log));
    }
    if let Some(queue) = client.queue.map(|queue| system.region(queue))
        && queue.size < QUEUE
    {
        return refused(Rule::StandInQueue(queue.name.clone(), queue.size, QUEUE));
    }
    Ok(())
}
