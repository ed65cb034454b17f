// SPDX-License-Identifier: BSD-2-Clause
//! Devices that a guest drives itself.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{
    Client, DomainId, PASS_THROUGH, PassThrough, ProtectionDomain, Stop, System, VirtualMachine,
};
use molt_vmm::machine::{
    DISTRIBUTOR, GIC_FRAME, HARDWARE_INTERFACE, UART, UART_IRQ, VIRTIO, VIRTIO_FRAME, VIRTIO_IRQ,
};

/// Devices that a VMM emulates for its shares, with one more for ports.
const VIRTIO_DEVICES: u64 = 5;
/// Bytes of a page; of a doorbell's registers, too.
const PAGE: u64 = 0x1000;

/// What a component of this class needs beside its client.
pub fn component(system: &System, domain: &ProtectionDomain) -> Result<(), Broken> {
    let Some(replaceable) = domain
        .replaceable
        .as_ref()
        .filter(|r| r.class == PASS_THROUGH)
    else {
        return Ok(());
    };
    let devices = |count| domain.maps.len() == count && domain.irqs.len() == count;
    let passed = domain.clients.iter().filter_map(Client::passed).count();
    let is_device = |id| {
        let region = system.region(id);
        region.phys_addr.is_some() && region.size == PAGE
    };
    let wrong = if domain.clients.len() != 1 || passed != 1 {
        "it has exactly one <client>, with a <pass_through>"
    } else if !devices(1) || !domain.maps.iter().all(|map| is_device(map.region)) {
        "it maps one page of one device, has one interrupt, and nothing else"
    } else if replaceable.stop != Stop::None || replaceable.io_space.is_some() {
        "its 'stop' is 'none', and it has no address space: the guest's requests stay with the device"
    } else {
        return Ok(());
    };
    let rule = Rule::PassThrough(domain.name.clone(), wrong);
    broken(&replaceable.span, rule)
}

/// The client, whose guest drives the device.
pub fn client(
    system: &System,
    driver: DomainId,
    client: &Client,
    passed: &PassThrough,
) -> Result<(), Broken> {
    let name = &system.domains[driver].name;
    let domain = &system.domains[client.domain];
    let wrong = |why| broken(&client.span, Rule::PassThrough(name.clone(), why));
    let Some(machine) = &domain.machine else {
        return wrong("its client has no virtual machine");
    };
    let Some(guest) = &machine.guest else {
        return wrong("its client has no <guest>");
    };
    if guest.reset {
        return wrong(
            "its guest cannot have reset=\"true\": nobody stops the device while the guest's memory is cleared",
        );
    }
    if !at_physical_addresses(system, domain, machine) {
        return wrong(
            "its guest's memory needs a phys_addr that equals its address in the guest, which is what the guest tells the device",
        );
    }
    if covers(
        system,
        machine,
        passed.vaddr..passed.vaddr.saturating_add(PAGE),
    ) {
        return wrong("something else is at its address in the guest");
    }
    let bell = machine.doorbell.as_ref().and_then(|bell| bell.registers);
    let virtio = u64::from(VIRTIO_IRQ)..u64::from(VIRTIO_IRQ) + VIRTIO_DEVICES;
    if passed.irq == u64::from(UART_IRQ)
        || virtio.contains(&passed.irq)
        || bell.is_some_and(|bell| bell.irq == passed.irq)
    {
        return wrong("its interrupt in the guest is another device's");
    }
    Ok(())
}

/// Without an IOMMU the device uses the addresses that the guest gives it.
fn at_physical_addresses(
    system: &System,
    domain: &ProtectionDomain,
    machine: &VirtualMachine,
) -> bool {
    let own = |id| domain.maps.iter().any(|map| map.region == id);
    let memory = machine.maps.iter().filter(|map| map.rights.execute);
    let mut memory = memory.filter(|map| own(map.region));
    memory.all(|map| system.region(map.region).phys_addr == Some(map.vaddr.value))
}

/// Whether something of the guest's is in this range.
pub(super) fn covers(
    system: &System,
    machine: &VirtualMachine,
    range: std::ops::Range<u64>,
) -> bool {
    let emulated = [
        DISTRIBUTOR..HARDWARE_INTERFACE + GIC_FRAME,
        UART..UART + VIRTIO_FRAME,
        VIRTIO..VIRTIO + VIRTIO_DEVICES * VIRTIO_FRAME,
    ];
    let bell = machine.doorbell.as_ref().and_then(|bell| bell.registers);
    let bell = bell.map(|bell| bell.vaddr..bell.vaddr.saturating_add(PAGE));
    let maps = machine.maps.iter().map(|map| map.range(system));
    let mut all = maps.chain(emulated).chain(bell);
    all.any(|other| other.start < range.end && range.start < other.end)
}
