// SPDX-License-Identifier: BSD-2-Clause
//! Doorbells and guests.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Client, Doorbell, Map, ProtectionDomain, Role, System, VirtualMachine};
use molt_operator::May;

pub fn check(system: &System) -> Result<(), Broken> {
    let mut clients = system.domains.iter().flat_map(|domain| &domain.clients);
    // A native client writes its word by itself, and for a guest that gives its disk up its VMM does.
    let mute = |client: &&Client| {
        let machine = system.domains[client.domain].machine.as_ref();
        let says = client.defer_us != 0 && !client.gives_up();
        says && machine.is_some_and(|machine| machine.doorbell.is_none())
    };
    if let Some(client) = clients.find(mute) {
        let name = system.domains[client.domain].name.clone();
        return broken(&client.span, Rule::DeferNoDoorbell(name));
    }
    for (index, domain) in system.domains.iter().enumerate() {
        if let Some(doorbell) = domain.any_doorbell() {
            strangers(system, index, domain, doorbell)?;
        }
        if let Some(machine) = &domain.machine {
            if let Some(doorbell) = &machine.doorbell {
                device(system, domain, machine, doorbell)?;
            }
            if let Some(guest) = machine.guest.as_ref().filter(|guest| guest.reset)
                && system
                    .role(Role::Timer)
                    .is_none_or(|timer| system.channel(index, timer).is_none())
            {
                return broken(&guest.span, Rule::ResetTimer(domain.name.clone()));
            }
            if let Some(guest) = &machine.guest
                && !machine.maps.iter().any(|m| is_memory(system, domain, m))
            {
                return broken(&guest.span, Rule::GuestMemory(machine.name.clone()));
            }
        } else if let Some(doorbell) = &domain.doorbell
            && !domain.maps.iter().any(|m| m.region == doorbell.staging)
        {
            let staging = system.region(doorbell.staging).name.clone();
            return broken(
                &doorbell.span,
                Rule::StagingUnmapped(staging, domain.name.clone()),
            );
        }
    }
    Ok(())
}

/// Guest memory: a region that the virtual machine and its PD both map, executable in the guest. Its physical address is fixed only
/// if the guest has to know it, since it drives a device itself.
fn is_memory(system: &System, domain: &ProtectionDomain, map: &Map) -> bool {
    let fixed = system.region(map.region).phys_addr;
    map.rights.execute
        && fixed.is_none_or(|fixed| fixed == map.vaddr.value)
        && domain.maps.iter().any(|m| m.region == map.region)
}

fn strangers(
    system: &System,
    index: usize,
    domain: &ProtectionDomain,
    doorbell: &Doorbell,
) -> Result<(), Broken> {
    for target in &doorbell.updates {
        let component = &system.domains[*target];
        if component.replaceable.is_none() {
            return broken(&doorbell.span, Rule::NotReplaceable(component.name.clone()));
        }
        if !component.clients.iter().any(|c| c.domain == index) {
            return broken(
                &doorbell.span,
                Rule::DoorbellStranger(domain.name.clone(), component.name.clone()),
            );
        }
    }
    for limit in &doorbell.limits {
        if !doorbell.updates.contains(&limit.component) {
            let name = system.domains[limit.component].name.clone();
            return broken(&limit.span, Rule::LimitStranger(name));
        }
        let mut operators = system.domains.iter().filter_map(|d| d.operator.as_ref());
        if limit.approval && !operators.any(|o| May(o.may).allows(May::DECIDE)) {
            return broken(&limit.span, Rule::NobodyApproves);
        }
    }
    Ok(())
}

fn device(
    system: &System,
    domain: &ProtectionDomain,
    machine: &VirtualMachine,
    doorbell: &Doorbell,
) -> Result<(), Broken> {
    let is_staging = |m: &&Map| m.region == doorbell.staging;
    // What comes over the port, the VMM writes there.
    let mut own = domain.maps.iter().filter(is_staging);
    if doorbell.port && !own.any(|m| m.rights.write) {
        let staging = system.region(doorbell.staging).name.clone();
        return broken(
            &doorbell.span,
            Rule::StagingNotWritten(staging, domain.name.clone()),
        );
    }
    let Some(registers) = doorbell.registers else {
        return Ok(());
    };
    if !machine.maps.iter().any(|m| is_staging(&m)) {
        let staging = system.region(doorbell.staging).name.clone();
        return broken(
            &doorbell.span,
            Rule::StagingUnmapped(staging, machine.name.clone()),
        );
    }
    let page = registers.vaddr..registers.vaddr.saturating_add(0x1000);
    let over = |m: &&Map| m.range(system).start < page.end && page.start < m.range(system).end;
    if let Some(map) = machine.maps.iter().find(over) {
        let name = system.region(map.region).name.clone();
        return broken(&doorbell.span, Rule::DoorbellOverlap(registers.vaddr, name));
    }
    Ok(())
}
