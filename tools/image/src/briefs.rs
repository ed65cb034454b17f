// SPDX-License-Identifier: BSD-2-Clause
//! Makes the briefs of static PDs, maps them, and sets the symbol `molt_brief`.

use crate::Error;
use crate::builder::{ALL, Frames};
use crate::driver::{channel, queue_words, share_words, techniques};
use crate::guest::{Loaded, memory_region};
use crate::layout::Layout;
use crate::pages::Shared;
use crate::space::CONSTANT;
use crate::stage::Staged;
use crate::update::Plan;
use molt_sdf::model::{
    Client, DomainId, Doorbell, Map, PASS_THROUGH, ProtectionDomain, ROM, Role, StandIn, System,
};
use molt_system::{
    Brief, BriefHeader, Class, FlashBrief, MAX_SERIAL_CLIENTS, MAX_SHARES, MAX_TIMER_CLIENTS, NONE,
    Name, Region, SerialBrief, SerialClient, TimerBrief, TimerClient, UpdateBrief, VmmBrief,
    VmmDoorbell, VmmGuest, VmmMemory, VmmShare, VmmStandIn, cspace,
};
use std::mem::offset_of;

/// The PDs of ours that were laid out.
pub struct Ours {
    pub stage: Option<Staged>,
    pub flash: Option<FlashBrief>,
    pub plan: Option<Plan>,
}

/// Writes all of them.
pub fn write(
    layout: &mut Layout,
    shared: &Shared,
    guests: &[Option<Loaded>],
    ours: Ours,
) -> Result<(), Error> {
    let Ours { stage, flash, plan } = ours;
    let system = layout.system;
    for (index, described) in system.domains.iter().enumerate() {
        match described.role {
            Some(Role::Update) => {
                if let Some((brief, addresses, _)) = &plan {
                    let frames = place(layout, index, brief, true)?;
                    region_addresses(layout, frames, addresses);
                }
            }
            Some(Role::Stage) => {
                if let Some(stage) = &stage {
                    place(layout, index, &stage.brief, true)?;
                }
            }
            Some(Role::Flash) => {
                if let Some(brief) = &flash {
                    place(layout, index, brief, true)?;
                }
            }
            Some(Role::Serial) => {
                let kind = layout.uart.kind as u32;
                place(layout, index, &serial(system, index, kind, shared), true)?;
            }
            Some(Role::Timer) => {
                place(layout, index, &timer(system, index, shared), true)?;
            }
            None if described.replaceable.is_none() => {
                let needed = system.clients().contains(&index);
                let guest = guests.get(index).and_then(Option::as_ref);
                let brief = vmm(system, index, shared, guest);
                place(layout, index, &brief, needed)?;
            }
            None => {}
        }
    }
    if let (Some(Staged { workshop, .. }), Some((fixed, b))) = (&stage, layout.role(Role::Update)) {
        let guard = cspace::guard(cspace::VAULT_GUARD);
        b.place(
            fixed.cspace.microkit,
            cspace::WORKSHOP_CNODE,
            workshop.object,
            ALL,
            guard,
        );
    }
    Ok(())
}

fn region_addresses(layout: &mut Layout, frames: Option<Frames>, addresses: &[Frames]) {
    for (n, region) in addresses.iter().enumerate() {
        let row = offset_of!(UpdateBrief, regions) + n * size_of::<Region>();
        if let Some(frames) = frames {
            layout
                .b
                .fill_paddr(frames, (row + offset_of!(Region, paddr)) as u64, *region);
        }
    }
}

/// Maps a brief into a PD and sets the two symbols. A PD without them has none, unless it is `needed`.
fn place<T: Brief>(
    layout: &mut Layout,
    index: DomainId,
    brief: &T,
    needed: bool,
) -> Result<Option<Frames>, Error> {
    let described = &layout.system.domains[index];
    let Some((fixed, b)) = layout.fixed(index) else {
        return Ok(None);
    };
    if !needed && fixed.elf.symbol("molt_brief").is_none() {
        return Ok(None);
    }
    let bytes = brief.as_bytes();
    let frames = b.frames(bytes.len() as u64, 12, None);
    b.fill(frames, 0, bytes);
    b.fill_counter(frames);
    let vaddr = fixed.space.map_tool(b, frames, CONSTANT);
    let set = fixed.elf.set_word("molt_brief", vaddr);
    let set = set.and_then(|()| fixed.elf.set_word("molt_brief_size", bytes.len() as u64));
    set.map_err(|reason| layout.image_error(&described.image, &described.image.span, reason))?;
    Ok(Some(frames))
}

fn device(system: &System, described: &ProtectionDomain) -> u64 {
    let is_device = |m: &&Map| system.region(m.region).phys_addr.is_some();
    described
        .maps
        .iter()
        .find(is_device)
        .map_or(0, |m| m.vaddr.value)
}

fn first_irq(described: &ProtectionDomain) -> u32 {
    described
        .irqs
        .first()
        .map_or(NONE, |irq| irq.id.value as u32)
}

fn serial(system: &System, index: DomainId, kind: u32, shared: &Shared) -> SerialBrief {
    let described = &system.domains[index];
    let mut brief = SerialBrief {
        header: BriefHeader::of::<SerialBrief>(),
        device: match described.ioports.first() {
            Some(ports) => ports.first,
            None => device(system, described),
        },
        kind,
        ports: (described.ioports.first()).map_or(NONE, |ports| ports.id.value as u32),
        irq: first_irq(described),
        timer_channel: channel(system, index, system.role(Role::Timer)),
        operator: shared.operator.map(|both| both.1).unwrap_or_default(),
        ..SerialBrief::default()
    };
    for (row, ring) in brief.clients.iter_mut().zip(&shared.rings) {
        *row = SerialClient {
            name: Name::new(&system.domains[ring.domain].name),
            guest: system.domains[ring.domain]
                .machine
                .as_ref()
                .map(|m| Name::new(&m.name))
                .unwrap_or_default(),
            consoles: ring.consoles.1,
            ring: ring.reader,
            size: ring.writer.size,
            channel: ring.channel,
            reserved: 0,
        };
    }
    brief.client_count = shared.rings.len().min(MAX_SERIAL_CLIENTS) as u32;
    brief
}

fn timer(system: &System, index: DomainId, shared: &Shared) -> TimerBrief {
    let mut brief = TimerBrief {
        header: BriefHeader::of::<TimerBrief>(),
        log: shared.ring(index),
        device: device(system, &system.domains[index]),
        irq: first_irq(&system.domains[index]),
        line: (system.domains[index].irqs.first()).map_or(NONE, |irq| irq.number.value as u32),
        ..TimerBrief::default()
    };
    let calls = system.channels.iter().filter_map(|c| match &c.ends {
        [a, b] if a.domain == index && b.pp => Some((b.domain, a.id.value)),
        [a, b] if b.domain == index && a.pp => Some((a.domain, b.id.value)),
        _ => None,
    });
    for (row, (domain, id)) in brief.clients.iter_mut().zip(calls).take(MAX_TIMER_CLIENTS) {
        *row = TimerClient {
            name: Name::new(&system.domains[domain].name),
            channel: id as u32,
            reserved: 0,
        };
        brief.client_count += 1;
    }
    brief
}

fn vmm(system: &System, index: DomainId, shared: &Shared, guest: Option<&Loaded>) -> VmmBrief {
    let described = &system.domains[index];
    let client = system.clients().iter().position(|c| *c == index);
    let mut brief = VmmBrief {
        header: BriefHeader::of::<VmmBrief>(),
        name: Name::new(&described.name),
        log: shared.ring(index),
        consoles: shared.consoles(index),
        timer_channel: channel(system, index, system.role(Role::Timer)),
        update_channel: channel(system, index, system.role(Role::Update)),
        gate: client
            .and_then(|n| shared.gates.get(n))
            .map(|g| g.1)
            .unwrap_or_default(),
        memory: memory(system, index),
        doorbell: described
            .any_doorbell()
            .map(|bell| doorbell(system, described, bell))
            .unwrap_or_default(),
        ..VmmBrief::default()
    };
    if let Some(machine) = &described.machine {
        let loaded = guest.copied().unwrap_or_default();
        brief.guest = VmmGuest {
            name: Name::new(&machine.name),
            kind: loaded.kind,
            vcpus: machine.vcpus.len() as u32,
            entry: loaded.entry,
            device_tree: loaded.device_tree,
            initrd: loaded.initrd,
            initrd_size: loaded.initrd_size,
            pause_limit_us: machine.guest.as_ref().map_or(0, |g| g.pause.limit_us),
            pause_shown: u64::from(machine.guest.as_ref().is_some_and(|g| g.pause.shown)),
        };
        brief.images = loaded.images;
    }
    for (n, (component, share)) in shares(system, index).enumerate() {
        let Some(row) = brief.shares.get_mut(n) else {
            break;
        };
        let domain = system.components()[component];
        let class = system.domains[domain].replaceable.as_ref();
        {
            let queue = described
                .maps
                .iter()
                .find(|m| Some(m.region) == share.queue)
                .map_or(0, |m| m.vaddr.value);
            *row = VmmShare {
                component: component as u32,
                channel: channel(system, index, Some(domain)),
                queue,
                queue_words: queue_words(system, share),
                registers: shared.registers_of(index, n),
                class: class.map_or(0, |r| number_of_class(&r.class)),
                technique: techniques(share),
                share: share_words(system, domain, share),
                name: Name::new(&system.domains[domain].name),
                defer_us: share.defer_us,
                stand_in: (share.stand_in.as_ref())
                    .map(|memory| stand_in(system, described, memory))
                    .unwrap_or_default(),
            };
            brief.share_count += 1;
        }
    }
    brief
}

/// The memory of a disk's stand-in in this PD.
fn stand_in(system: &System, described: &ProtectionDomain, memory: &StandIn) -> VmmStandIn {
    let mut maps = described.maps.iter();
    let map = maps.find(|map| map.region == memory.region);
    VmmStandIn {
        vaddr: map.map_or(0, |map| map.vaddr.value),
        size: system.region(memory.region).size,
        log: memory.log,
    }
}

/// A client's shares of replaceable PDs' devices, in the order in which its guest sees them, each with the component's index.
pub fn shares(system: &System, index: DomainId) -> impl Iterator<Item = (usize, &Client)> {
    let components = system.components().into_iter().enumerate();
    components
        .flat_map(|(n, domain)| system.domains[domain].clients.iter().map(move |c| (n, c)))
        .filter(move |(_, client)| client.domain == index)
        .take(MAX_SHARES)
}

/// The number of a class; 0 if VMMs have no device for it.
fn number_of_class(class: &str) -> u32 {
    match class {
        "block" => Class::Block as u32,
        "entropy" => Class::Entropy as u32,
        "network" => Class::Network as u32,
        "sensor" => Class::Sensor as u32,
        PASS_THROUGH => Class::PassThrough as u32,
        ROM => Class::Rom as u32,
        _ => 0,
    }
}

fn memory(system: &System, index: DomainId) -> VmmMemory {
    let described = &system.domains[index];
    let Some(region) = memory_region(system, index) else {
        return VmmMemory::default();
    };
    let at = |maps: &[Map]| {
        maps.iter()
            .find(|m| m.region == region)
            .map_or(0, |m| m.vaddr.value)
    };
    let guest = described.machine.as_ref().map_or(0, |m| at(&m.maps));
    VmmMemory {
        vaddr: at(&described.maps),
        guest,
        size: system.region(region).size,
    }
}

fn doorbell(system: &System, described: &ProtectionDomain, bell: &Doorbell) -> VmmDoorbell {
    let at = |maps: &[Map]| {
        maps.iter()
            .find(|m| m.region == bell.staging)
            .map_or(0, |m| m.vaddr.value)
    };
    let components = system.components();
    let bit = |d: &DomainId| {
        components
            .iter()
            .position(|c| c == d)
            .map_or(0, |c| 1u32 << c)
    };
    VmmDoorbell {
        present: 1,
        irq: bell.registers.map_or(0, |at| at.irq as u32),
        guest: bell.registers.map_or(0, |at| at.vaddr),
        staging_guest: described.machine.as_ref().map_or(0, |m| at(&m.maps)),
        staging_vaddr: at(&described.maps),
        staging_size: system.region(bell.staging).size,
        may_update: bell.updates.iter().map(bit).fold(0, |a, b| a | b),
        port: bell.port.into(),
    }
}
