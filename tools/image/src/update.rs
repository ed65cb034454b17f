// SPDX-License-Identifier: BSD-2-Clause
//! `update`: its vault, and the plan that names everything in it.

use crate::briefs::shares;
use crate::builder::{ALL, Builder, CNode, Frames, SIGNAL};
use crate::driver::{
    CONFIGURATION, Driver, FACTORY, ORDERS, REPORT, channel, devices, firmware, identity,
    techniques,
};
use crate::io;
use crate::layout::Layout;
use crate::pages::Shared;
use crate::plan::SHARED;
use crate::space::{CONSTANT, attributes, rights};
use crate::stage::{ARENA_BITS, stagings};
use molt_sdf::model::{DomainId, Doorbell, Map, RegionId, Role, Stop, System};
use molt_sdk::Arch;
use molt_system::boot::{Kind, SOURCE_SCHED_CONTROL};
use molt_system::{
    Arena, Authority, Bar, BriefHeader, ControlPage, DeviceFrames, DriverFirmware, HOLD,
    MAX_ARENAS, MAX_BARS, MAX_CLIENTS, MAX_COMPONENTS, MAX_DEVICES, MAX_IRQS, MAX_MAPPINGS,
    MAX_REGIONS, MAX_SIGNALS, NONE, Name, OfferLimit, Region, RegionMapping, Signal, StopRoutine,
    UpdateBrief, UpdateClient, UpdateComponent, UpdateFirmware, UpdateIoSpace, UpdateIrq,
    UpdatePassed, UpdatePci, VaultSlot, cspace,
};

/// The vault as it is filled.
pub struct Vault {
    cnode: CNode,
    next: u32,
}

impl Vault {
    /// Slot 0 stays empty, so that a forgotten slot number finds nothing.
    fn make(b: &mut Builder) -> Self {
        Vault {
            cnode: CNode::make(b, cspace::VAULT_BITS),
            next: 1,
        }
    }

    fn take(&mut self, count: u32) -> VaultSlot {
        let slot = VaultSlot(self.next);
        self.next += count;
        slot
    }

    fn give(&mut self, b: &mut Builder, source: u32, count: u32) -> VaultSlot {
        let slot = self.take(count);
        b.give(self.cnode, slot.0.into(), source, count);
        slot
    }

    fn copy(&mut self, b: &mut Builder, source: u32, rights: u32, data: u64) -> VaultSlot {
        let slot = self.take(1);
        b.place(self.cnode, slot.0.into(), source, rights, data);
        slot
    }
}

/// The plan and the regions whose physical addresses `monitor` fills in, by row.
pub type Plan = (UpdateBrief, Vec<Frames>, CNode);

/// Lays out `update`.
pub fn lay_out(layout: &mut Layout, shared: &Shared, drivers: &[Driver]) -> Option<Plan> {
    let system = layout.system;
    let index = system.role(Role::Update)?;
    let mut vault = Vault::make(&mut layout.b);
    let mut brief = UpdateBrief {
        header: BriefHeader::of::<UpdateBrief>(),
        log: shared.ring(index),
        stage: shared.link.0,
        store: shared.store.map(|store| store.0).unwrap_or_default(),
        operator: shared.operator.map(|both| both.0).unwrap_or_default(),
        timer_channel: channel(system, index, system.role(Role::Timer)),
        component_count: drivers.len().min(MAX_COMPONENTS) as u32,
        ..UpdateBrief::default()
    };
    let own_sc = layout.domains[index].sc;
    let stage_sc = system
        .role(Role::Stage)
        .map_or(own_sc, |stage| layout.domains[stage].sc);
    let (fixed, b) = layout.fixed(index)?;
    let guard = cspace::guard(cspace::VAULT_GUARD);
    b.place(fixed.cspace.root, 1, vault.cnode.object, ALL, guard);
    b.place(
        fixed.cspace.microkit,
        cspace::VAULT_CNODE,
        vault.cnode.object,
        ALL,
        guard,
    );
    brief.authority = Authority {
        sched_control: vault.copy(b, SOURCE_SCHED_CONTROL, ALL, 0),
        tcb: vault.copy(b, fixed.tcb, ALL, 0),
        endpoint: fixed
            .endpoint
            .map_or(VaultSlot::NONE, |endpoint| vault.copy(b, endpoint, ALL, 0)),
        own_sc: vault.copy(b, own_sc, ALL, 0),
        stage_sc: vault.copy(b, stage_sc, ALL, 0),
        ..Authority::default()
    };
    clients(layout, shared, index, &mut vault, &mut brief);
    let mut addresses = Vec::new();
    for (n, driver) in drivers.iter().enumerate().take(MAX_COMPONENTS) {
        let first = brief.region_count;
        regions(
            layout,
            n,
            driver.domain,
            &mut vault,
            &mut brief,
            &mut addresses,
        );
        let mut row = component(layout, shared, index, n, driver, &mut vault);
        (row.first_region, row.region_count) = (first, brief.region_count - first);
        brief.components[n] = row;
    }
    brief.authority.free_first = VaultSlot(vault.next);
    brief.authority.free_count = (1u32 << cspace::VAULT_BITS).saturating_sub(vault.next);
    Some((brief, addresses, vault.cnode))
}

/// Vault slots that `update` needs in addition to those that are filled: one for each mapping of each frame, the same number
/// again while one generation follows another, and those for the parts of a generation.
pub fn needed_slots(brief: &UpdateBrief) -> u32 {
    let copies = brief
        .regions()
        .iter()
        .map(|r| r.count.saturating_mul(r.mapping_count));
    let devices = brief
        .components()
        .iter()
        .flat_map(|c| c.devices())
        .map(|d| d.count * 2);
    copies.chain(devices).fold(64, u32::saturating_add)
}

fn clients(
    layout: &mut Layout,
    shared: &Shared,
    update: DomainId,
    vault: &mut Vault,
    brief: &mut UpdateBrief,
) {
    let system = layout.system;
    let components = system.components();
    let staged = stagings(layout);
    for (n, domain) in system.clients().into_iter().enumerate().take(MAX_CLIENTS) {
        let described = &system.domains[domain];
        let bit = |c: &DomainId| {
            components
                .iter()
                .position(|d| d == c)
                .map_or(0, |c| 1u32 << c)
        };
        let of = components.iter().filter(|c| {
            system.domains[**c]
                .clients
                .iter()
                .any(|k| k.domain == domain)
        });
        let staging = staged.iter().position(|(client, _)| *client == n);
        let child = layout.client_child(n);
        brief.clients[n] = UpdateClient {
            name: Name::new(&described.name),
            channel: channel(system, update, Some(domain)),
            child,
            gate: shared.gates.get(n).map(|g| g.0).unwrap_or_default(),
            components: of.map(bit).sum(),
            may_update: described
                .any_doorbell()
                .map_or(0, |bell| bell.updates.iter().map(bit).fold(0, |a, b| a | b)),
            staging_size: staging
                .and_then(|s| staged.get(s))
                .map_or(0, |(_, size)| *size),
            sc: vault.copy(&mut layout.b, layout.domains[domain].sc, ALL, 0),
            staging: staging.map_or(NONE, |s| s as u32),
            limits: limits(described.any_doorbell(), &components),
            defer_us: deferrable(layout.system, domain),
            consents: consenting(layout.system, domain),
        };
        brief.client_count = n as u32 + 1;
        let Some(tcb) = layout.fixed(domain).map(|(fixed, _)| fixed.tcb) else {
            continue;
        };
        if let Some((fixed, b)) = layout.fixed(update) {
            b.place(
                fixed.cspace.microkit,
                cspace::CHILD_TCB + u64::from(child),
                tcb,
                ALL,
                0,
            );
        }
    }
}

/// How long an update waits for a client at the most, by component.
fn deferrable(system: &System, domain: DomainId) -> [u64; MAX_COMPONENTS] {
    let mut spans = [0; MAX_COMPONENTS];
    for (component, client) in shares(system, domain) {
        if let Some(span) = spans.get_mut(component) {
            *span = client.defer_us;
        }
    }
    spans
}

/// The components whose device a client has to give up, one bit each.
fn consenting(system: &System, domain: DomainId) -> u64 {
    let consents = shares(system, domain).filter(|(_, client)| client.gives_up());
    consents.fold(0, |bits, (component, _)| bits | 1 << component)
}

/// What a client may offer, by component.
fn limits(doorbell: Option<&Doorbell>, components: &[DomainId]) -> [OfferLimit; MAX_COMPONENTS] {
    let mut limits = [OfferLimit::default(); MAX_COMPONENTS];
    for limit in doorbell.iter().flat_map(|bell| &bell.limits) {
        let index = components.iter().position(|c| *c == limit.component);
        if let Some(place) = index.and_then(|index| limits.get_mut(index)) {
            *place = OfferLimit {
                bundle_size: limit.bundle_size.unwrap_or(0),
                offers: limit.offers.unwrap_or(0) as u32,
                approval: limit.approval.into(),
                per_us: limit.per_us,
            };
        }
    }
    limits
}

/// The revocable regions of a component, with all their mappings.
fn regions(
    layout: &mut Layout,
    component: usize,
    driver: DomainId,
    vault: &mut Vault,
    brief: &mut UpdateBrief,
    addresses: &mut Vec<Frames>,
) {
    let system = layout.system;
    for map in system.domains[driver]
        .maps
        .iter()
        .filter(|m| system.region(m.region).revocable)
    {
        let Some(row) = brief.regions.get_mut(brief.region_count as usize) else {
            return;
        };
        let frames = layout.regions[map.region];
        *row = Region {
            name: Name::new(&system.region(map.region).name),
            first: vault.give(&mut layout.b, frames.first, frames.count),
            count: frames.count,
            page_bits: frames.page_bits,
            component: component as u32,
            size: frames.size(),
            ..Region::default()
        };
        let arch = layout.b.arch;
        if let Some(io) = io::map_of(layout, driver, map.region) {
            (row.io_rights, row.io_address) = (rights(io.rights), io.address);
        }
        push(row, mapping(arch, map, NONE, VaultSlot::NONE));
        for (n, client) in system.clients().into_iter().enumerate() {
            let Some(map) = mapped(layout, client, map.region) else {
                continue;
            };
            let Some((fixed, b)) = layout.fixed(client) else {
                continue;
            };
            let vspace = vault.copy(b, fixed.space.vspace, ALL, 0);
            push(row, mapping(arch, map, n as u32, vspace));
        }
        for (n, client) in system.clients().into_iter().enumerate() {
            let mut roms = system.roms(client);
            let rom = roms.find(|(_, content)| *content == map.region);
            let guest = layout.domains[client].guest.as_ref();
            if let (Some((vaddr, _)), Some(guest)) = (rom, guest) {
                let vspace = vault.copy(&mut layout.b, guest.vspace, ALL, 0);
                row.when_ready = 1;
                let mapping = RegionMapping {
                    holder: n as u32,
                    vspace,
                    vaddr,
                    rights: rights(CONSTANT),
                    attributes: attributes(arch, CONSTANT, true),
                };
                push(row, mapping);
            }
        }
        addresses.push(frames);
        brief.region_count += 1;
        debug_assert!(brief.region_count as usize <= MAX_REGIONS);
    }
}

fn mapped<'a>(layout: &Layout<'a>, domain: DomainId, region: RegionId) -> Option<&'a Map> {
    layout.system.domains[domain]
        .maps
        .iter()
        .find(|m| m.region == region)
}

fn mapping(arch: Arch, map: &Map, holder: u32, vspace: VaultSlot) -> RegionMapping {
    let attributes = attributes(arch, map.rights, map.cached);
    RegionMapping {
        holder,
        vspace,
        vaddr: map.vaddr.value,
        rights: rights(map.rights),
        attributes,
    }
}

fn push(region: &mut Region, mapping: RegionMapping) {
    if let Some(row) = region.mappings.get_mut(region.mapping_count as usize) {
        *row = mapping;
        region.mapping_count = (region.mapping_count + 1).min(MAX_MAPPINGS as u32);
    }
}

fn component(
    layout: &mut Layout,
    shared: &Shared,
    update: DomainId,
    n: usize,
    driver: &Driver,
    vault: &mut Vault,
) -> UpdateComponent {
    let system = layout.system;
    let described = &system.domains[driver.domain];
    let mut row = UpdateComponent {
        name: Name::new(&described.name),
        priority: described.schedule.priority as u32,
        channel: channel(system, update, Some(driver.domain)),
        driver_channel: channel(system, driver.domain, Some(update)),
        child: layout.component_child(n),
        budget_us: described.schedule.budget,
        period_us: described.schedule.period,
        entry: driver.entry,
        factory_sequence: FACTORY,
        ..UpdateComponent::default()
    };
    let (notification, sc) = (
        layout.domains[driver.domain].notification,
        layout.domains[driver.domain].sc,
    );
    row.port = vault.copy(&mut layout.b, notification, ALL, 0);
    row.sc = vault.copy(&mut layout.b, sc, ALL, 0);
    if let Some(replaceable) = &described.replaceable {
        row.identity = identity(replaceable);
        row.stop = match replaceable.stop {
            Stop::None => StopRoutine::None as u32,
            Stop::VirtioMmio => StopRoutine::VirtioMmio as u32,
            Stop::Sdhci => StopRoutine::Sdhci as u32,
            Stop::VirtioPci => StopRoutine::VirtioPci as u32,
        };
        let sets = described
            .clients
            .iter()
            .map(|client| match techniques(client) {
                0 => HOLD,
                set => set,
            });
        row.technique = sets.fold(0, |all, set| all | set);
        row.bundle_slots = replaceable.bundle_slots as u32;
        row.bundle_slot_size = replaceable.bundle_size as u32;
        (row.quiesce_us, row.ready_us) = (replaceable.quiesce_us, replaceable.ready_us);
        row.probation_us = replaceable.probation_us;
        row.probation_completions = replaceable.probation_completions as u32;
        row.attempts = replaceable.attempts as u32;
        row.relapses = replaceable.relapses as u32;
        if let Some(described) = &replaceable.firmware {
            let DriverFirmware { size, next, .. } = firmware(system, driver.domain);
            row.firmware = UpdateFirmware {
                size,
                next,
                transfer_us: described.transfer_us,
            };
        }
        let count = (replaceable.arena >> ARENA_BITS) as u32;
        layout.b.part("arenas");
        for arena in &mut row.arenas {
            let first = layout.b.make(Kind::Untyped, ARENA_BITS, count);
            let first = vault.give(&mut layout.b, first, count);
            *arena = Arena {
                first,
                count,
                size_bits: ARENA_BITS,
                ..*arena
            };
        }
        layout.b.part(SHARED);
    }
    let control = shared.control.iter().skip(n * MAX_ARENAS);
    for (arena, control) in row.arenas.iter_mut().zip(control) {
        let b = &mut layout.b;
        let mut page = |frames: Frames, update_vaddr, driver_vaddr| ControlPage {
            frame: vault.copy(b, frames.first, ALL, 0),
            reserved: 0,
            update_vaddr,
            driver_vaddr,
        };
        arena.orders = page(control.orders, control.update.0, ORDERS);
        arena.report = page(control.report, control.update.1, REPORT);
    }
    hardware(layout, update, driver.domain, vault, &mut row);
    row.passed = passed(layout, driver.domain, vault).unwrap_or_default();
    pci(layout, update, driver.domain, vault, &mut row);
    row.io_space = io_space(layout, driver.domain, vault).unwrap_or_default();
    signals(layout, driver.domain, vault, &mut row);
    row
}

fn hardware(
    layout: &mut Layout,
    update: DomainId,
    driver: DomainId,
    vault: &mut Vault,
    row: &mut UpdateComponent,
) {
    let system = layout.system;
    for (device, map) in row.devices.iter_mut().zip(devices(system, driver)) {
        *device = device_frames(layout, update, vault, map.region, map.vaddr.value);
        row.device_count = (row.device_count + 1).min(MAX_DEVICES as u32);
    }
    for (to, irq) in row.irqs.iter_mut().zip(&system.domains[driver].irqs) {
        let handler = layout.b.irq(irq, 0, None);
        let handler = vault.give(&mut layout.b, handler, 1);
        *to = UpdateIrq {
            handler,
            number: irq.number.value as u32,
            id: irq.id.value as u32,
            edge: irq.edge.into(),
        };
        row.irq_count = (row.irq_count + 1).min(MAX_IRQS as u32);
    }
}

/// The client that drives the device itself.
fn passed(layout: &mut Layout, driver: DomainId, vault: &mut Vault) -> Option<UpdatePassed> {
    let system = layout.system;
    let mut clients = system.domains[driver].clients.iter();
    let (domain, passed) = clients.find_map(|client| Some((client.domain, client.passed()?)))?;
    let client = system.clients().iter().position(|c| *c == domain)?;
    let vspace = layout.domains[domain].guest.as_ref()?.vspace;
    let notification = layout.domains[domain].notification;
    let (fixed, b) = layout.fixed(domain)?;
    Some(UpdatePassed {
        present: 1,
        client: client as u32,
        vspace: vault.copy(b, vspace, ALL, 0),
        cnode: vault.copy(b, fixed.cspace.microkit.object, ALL, cspace::guard(0)),
        notification: vault.copy(b, notification, ALL, 0),
        irq: passed.id as u32,
        vaddr: passed.vaddr,
    })
}

/// The originals of a device's frames, and a window for them in `update`.
fn device_frames(
    layout: &mut Layout,
    update: DomainId,
    vault: &mut Vault,
    region: RegionId,
    driver_vaddr: u64,
) -> DeviceFrames {
    let frames = layout.regions[region];
    let paddr = layout.system.region(region).phys_addr.unwrap_or_default();
    let Some((fixed, b)) = layout.fixed(update) else {
        return DeviceFrames::default();
    };
    let window = fixed.space.tool_range(frames.size(), frames.page_bits);
    fixed
        .space
        .reserve(b, window, frames.size(), frames.page_bits);
    DeviceFrames {
        first: vault.give(b, frames.first, frames.count),
        count: frames.count,
        page_bits: frames.page_bits,
        reserved: 0,
        paddr,
        driver_vaddr,
        update_vaddr: window,
    }
}

fn pci(
    layout: &mut Layout,
    update: DomainId,
    driver: DomainId,
    vault: &mut Vault,
    row: &mut UpdateComponent,
) {
    let system = layout.system;
    let described = &system.domains[driver];
    let Some(pci) = described.replaceable.as_ref().and_then(|r| r.pci.as_ref()) else {
        return;
    };
    row.pci = UpdatePci {
        present: 1,
        configuration: device_frames(layout, update, vault, pci.configuration, CONFIGURATION),
        messages: device_frames(layout, update, vault, pci.messages, 0),
        message: (described.irqs.first()).map_or(0, |irq| irq.number.value as u32),
        ..UpdatePci::default()
    };
    for (to, (index, region)) in row.pci.bars.iter_mut().zip(&pci.bars) {
        *to = Bar {
            index: *index as u32,
            reserved: 0,
            paddr: system.region(*region).phys_addr.unwrap_or_default(),
        };
        row.pci.bar_count = (row.pci.bar_count + 1).min(MAX_BARS as u32);
    }
}

/// The device's address space, all of which hangs below one table, as the rules say.
fn io_space(layout: &mut Layout, driver: DomainId, vault: &mut Vault) -> Option<UpdateIoSpace> {
    let replaceable = layout.system.domains[driver].replaceable.as_ref()?;
    let space = layout.io_spaces.get(replaceable.io_space?)?;
    let (address, table) = space.second.first_key_value()?;
    let (number, address, table) = (space.space, *address, *table);
    Some(UpdateIoSpace {
        present: 1,
        reserved: 0,
        space: vault.copy(&mut layout.b, number, ALL, 0),
        table: vault.give(&mut layout.b, table, 1),
        address,
    })
}

/// What Microkit would put into the driver's CNode: its output notifications.
fn signals(layout: &mut Layout, driver: DomainId, vault: &mut Vault, row: &mut UpdateComponent) {
    for channel in &layout.system.channels {
        let [a, b] = &channel.ends;
        for (from, to) in [(a, b), (b, a)] {
            let full = row.signal_count as usize == MAX_SIGNALS;
            if from.domain != driver || !from.notify || full {
                continue;
            }
            let notification = layout.domains[to.domain].notification;
            let capability = vault.copy(&mut layout.b, notification, SIGNAL, 1 << to.id.value);
            let slot = (cspace::OUTPUT_NOTIFICATION + from.id.value) as u32;
            row.signals[row.signal_count as usize] = Signal { slot, capability };
            row.signal_count += 1;
        }
    }
}
