// SPDX-License-Identifier: BSD-2-Clause
//! The content of the picture: boxes with their text, and lines between them.

use crate::rows;
use crate::text::bytes;
use molt_sdf::System;
use molt_sdf::model::{
    DomainId, GuestKind, Map, ProtectionDomain, RegionId, Rights, Share, VirtualMachine,
};

/// The kind of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PD with a role, which the rest relies on.
    Service,
    /// A replaceable PD.
    Component,
    /// Any other PD.
    Domain,
    /// Memory that several share.
    Memory,
    /// The same, and `update` can take it away.
    Revocable,
    /// A device's registers that several share.
    Device,
}

/// The small mark before a line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Mark {
    None,
    Device,
    Interrupt,
    Memory,
    Revocable,
    Doorbell,
}

/// A line of text in a box.
#[derive(Clone, Debug)]
pub struct Line {
    /// The mark before it.
    pub mark: Mark,
    /// The text.
    pub text: String,
}

/// The part of a VMM's box that is its guest.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The virtual machine's name.
    pub name: String,
    /// What runs there and what it has.
    pub lines: Vec<Line>,
}

/// A box.
#[derive(Clone, Debug)]
pub struct Card {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Shown on the right of the name.
    pub tag: String,
    /// The text below the name.
    pub lines: Vec<Line>,
    /// The virtual machine.
    pub guest: Option<Guest>,
}

/// The kind of a line between boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A channel.
    Channel,
    /// A mapping.
    Mapping,
    /// A mapping that can be taken away.
    Revocable,
    /// From a doorbell to a component.
    Update,
    /// From a PD to the parent that handles its faults.
    Parent,
}

/// A line between two boxes.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is.
    pub kind: LinkKind,
    /// The boxes.
    pub ends: [usize; 2],
    /// The text at each end, inside the box.
    pub labels: [String; 2],
    /// Whether each end has an arrow's head.
    pub heads: [bool; 2],
    /// The whole of it in words.
    pub title: String,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// File name of the description.
    pub name: String,
    /// The boxes: PDs first, in the description's order.
    pub cards: Vec<Card>,
    /// The lines.
    pub links: Vec<Link>,
    /// Rows from top to bottom: the text at the left, and the boxes.
    pub rows: Vec<(String, Vec<usize>)>,
}

impl View {
    /// The view of a system.
    pub fn new(system: &System) -> View {
        let name = system.source.name().rsplit(['/', '\\']).next();
        let mut view = View {
            name: name.unwrap_or_default().to_owned(),
            ..View::default()
        };
        for index in 0..system.domains.len() {
            view.cards.push(domain(system, index));
        }
        let mut rows = rows::of_domains(system);
        let row_of = |d: DomainId| {
            rows.iter()
                .position(|(_, row)| row.contains(&d))
                .unwrap_or(0)
        };
        let mut shared: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
        for region in 0..system.regions.len() {
            let holders = holders(system, region);
            if holders.len() == 1 {
                continue;
            }
            let card = view.cards.len();
            // Between its highest holder and the others.
            let row = holders
                .iter()
                .map(|d| row_of(*d))
                .min()
                .unwrap_or(rows.len() - 1);
            shared[row].push(card);
            view.cards.push(memory(system, region));
            for holder in holders {
                view.links.push(mapping(system, region, card, holder));
            }
        }
        view.channels(system);
        view.updates(system);
        for (row, cards) in shared.into_iter().enumerate().rev() {
            for part in rows::chunks(cards, 5).into_iter().rev() {
                rows.insert(row + 1, ("memory".to_owned(), part));
            }
        }
        view.rows = rows;
        view
    }

    fn channels(&mut self, system: &System) {
        for channel in &system.channels {
            let [a, b] = &channel.ends;
            let words = |x: &molt_sdf::model::End| match (x.pp, x.notify) {
                (true, true) => ", calls and notifies",
                (true, false) => ", calls",
                (false, true) => ", notifies",
                (false, false) => "",
            };
            let name = |d: DomainId| &system.domains[d].name;
            self.links.push(Link {
                kind: LinkKind::Channel,
                ends: [a.domain, b.domain],
                labels: [a.id.value.to_string(), b.id.value.to_string()],
                // An arrow head if the other end may call: only calls have a direction.
                heads: [b.pp, a.pp],
                title: format!(
                    "channel: {} (id {}{}) – {} (id {}{})",
                    name(a.domain),
                    a.id.value,
                    words(a),
                    name(b.domain),
                    b.id.value,
                    words(b)
                ),
            });
        }
    }

    fn updates(&mut self, system: &System) {
        for (index, domain) in system.domains.iter().enumerate() {
            if let Some((parent, id)) = domain.parent {
                self.links.push(Link {
                    kind: LinkKind::Parent,
                    ends: [index, parent],
                    labels: [String::new(), id.to_string()],
                    heads: [false, true],
                    title: format!(
                        "{}: child {id} of {}",
                        domain.name, system.domains[parent].name
                    ),
                });
            }
            for target in domain.any_doorbell().iter().flat_map(|d| &d.updates) {
                let from = domain.machine.as_ref().map_or(&domain.name, |m| &m.name);
                self.links.push(Link {
                    kind: LinkKind::Update,
                    ends: [index, *target],
                    labels: [String::new(), String::new()],
                    heads: [false, true],
                    title: format!(
                        "doorbell of {from}: may update {}",
                        system.domains[*target].name
                    ),
                });
            }
        }
    }

    /// How many lines the doorbell of a box has.
    pub fn bells(&self, card: usize) -> usize {
        let of = |l: &&Link| l.kind == LinkKind::Update && l.ends[0] == card;
        self.links.iter().filter(of).count()
    }
}

/// All mappings of a PD and of its guest.
fn maps(domain: &ProtectionDomain) -> impl Iterator<Item = &Map> {
    domain
        .maps
        .iter()
        .chain(domain.machine.iter().flat_map(|m| &m.maps))
}

/// The PDs that map a region, or whose guest does.
fn holders(system: &System, region: RegionId) -> Vec<DomainId> {
    let maps_it = |d: &DomainId| {
        let reads = system.roms(*d).any(|(_, content)| content == region);
        reads || maps(&system.domains[*d]).any(|m| m.region == region)
    };
    (0..system.domains.len()).filter(maps_it).collect()
}

fn letters(rights: Rights) -> String {
    let all = [
        (rights.read, 'r'),
        (rights.write, 'w'),
        (rights.execute, 'x'),
    ];
    all.iter()
        .filter(|(has, _)| *has)
        .map(|(_, letter)| letter)
        .collect()
}

fn mapping(system: &System, region: RegionId, card: usize, holder: DomainId) -> Link {
    let domain = &system.domains[holder];
    let in_domain = domain.maps.iter().map(|m| (&domain.name, m));
    let in_guest = domain
        .machine
        .iter()
        .flat_map(|v| v.maps.iter().map(move |m| (&v.name, m)));
    let of_region = in_domain
        .chain(in_guest)
        .filter(|(_, m)| m.region == region);
    let mapped = of_region
        .map(|(name, m)| format!("{} in {name} at {:#x}", letters(m.rights), m.vaddr.value));
    // `update` maps the content of a ROM, to read.
    let guest = domain.machine.as_ref().map_or("", |m| &m.name);
    let roms = system
        .roms(holder)
        .filter(|(_, content)| *content == region);
    let read = roms.map(|(vaddr, _)| format!("r in {guest} at {vaddr:#x}"));
    let places: Vec<_> = mapped.chain(read).collect();
    let described = system.region(region);
    Link {
        kind: if described.revocable {
            LinkKind::Revocable
        } else {
            LinkKind::Mapping
        },
        ends: [card, holder],
        labels: [String::new(), String::new()],
        heads: [false, false],
        title: format!("memory {}: {}", described.name, places.join(", ")),
    }
}

fn memory(system: &System, index: RegionId) -> Card {
    let region = system.region(index);
    let (kind, text) = match region.phys_addr {
        _ if region.revocable => (
            Kind::Revocable,
            format!("{}, revocable", bytes(region.size)),
        ),
        Some(address) => (
            Kind::Device,
            format!("{} at {address:#x}", bytes(region.size)),
        ),
        None => (Kind::Memory, bytes(region.size)),
    };
    let unused = if holders(system, index).is_empty() {
        ", mapped by nobody"
    } else {
        ""
    };
    let line = Line {
        mark: Mark::None,
        text: text + unused,
    };
    Card {
        kind,
        name: region.name.clone(),
        tag: String::new(),
        lines: vec![line],
        guest: None,
    }
}

/// The lines of regions that nobody else has.
fn private(system: &System, own: &[Map], lines: &mut Vec<Line>) {
    let mut seen = Vec::new();
    for map in own {
        if seen.contains(&map.region) || holders(system, map.region).len() != 1 {
            continue;
        }
        seen.push(map.region);
        let region = system.region(map.region);
        let (mark, text) = match region.phys_addr {
            _ if region.revocable => (
                Mark::Revocable,
                format!("{}, {}", region.name, bytes(region.size)),
            ),
            Some(address) => (Mark::Device, format!("{} at {address:#x}", region.name)),
            None => (
                Mark::Memory,
                format!("{}, {}", region.name, bytes(region.size)),
            ),
        };
        lines.push(Line { mark, text });
    }
}

fn domain(system: &System, index: DomainId) -> Card {
    let domain = &system.domains[index];
    let plain = |text: String| Line {
        mark: Mark::None,
        text,
    };
    let schedule = domain.schedule;
    let time = match domain.passive {
        true => "passive".to_owned(),
        false => format!("{} of {} µs", schedule.budget, schedule.period),
    };
    let image = domain.image.value.rsplit('/').next().unwrap_or_default();
    let mut lines = vec![
        plain(image.to_owned()),
        plain(format!("priority {}, {time}", schedule.priority)),
    ];
    if let Some(replaceable) = &domain.replaceable {
        lines.push(plain(format!("2 arenas of {}", bytes(replaceable.arena))));
    }
    private(system, &domain.maps, &mut lines);
    for irq in &domain.irqs {
        let trigger = if irq.edge { "edge" } else { "level" };
        let text = format!(
            "interrupt {} ({trigger}, id {})",
            irq.number.value, irq.id.value
        );
        lines.push(Line {
            mark: Mark::Interrupt,
            text,
        });
    }
    let described = domain.replaceable.as_ref();
    if let Some(firmware) = described.and_then(|r| r.firmware.as_ref()) {
        lines.push(plain(format!("firmware {}", firmware.image.value)));
    }
    for client in &domain.clients {
        let name = &system.domains[client.domain].name;
        let mut text = match &client.share {
            Some(Share::Block { .. }) => {
                let sectors = client.sectors();
                let last = sectors.end.saturating_sub(1);
                format!("{name}: sectors {} to {last}", sectors.start)
            }
            Some(share) => format!("{name}: {}", share.class()),
            None => name.clone(),
        };
        for technique in client.techniques.names() {
            text = format!("{text}, {technique}");
        }
        if client.defer_us != 0 {
            text = format!("{text}, defers {} ms", client.defer_us / 1000);
        }
        lines.push(plain(text));
    }
    if domain.doorbell.is_some() {
        lines.push(Line {
            mark: Mark::Doorbell,
            text: "doorbell (native)".to_owned(),
        });
    }
    let (kind, tag) = match (&domain.role, &domain.replaceable) {
        (Some(role), _) if role.name() != domain.name => (Kind::Service, role.name()),
        (Some(_), _) => (Kind::Service, ""),
        (None, Some(_)) => (Kind::Component, "replaceable"),
        (None, None) if domain.machine.is_some() => (Kind::Domain, "VMM"),
        (None, None) => (Kind::Domain, ""),
    };
    let guest = domain
        .machine
        .as_ref()
        .map(|machine| guest(system, domain, machine));
    Card {
        kind,
        name: domain.name.clone(),
        tag: tag.to_owned(),
        lines,
        guest,
    }
}

fn guest(system: &System, domain: &ProtectionDomain, machine: &VirtualMachine) -> Guest {
    let plain = |text: String| Line {
        mark: Mark::None,
        text,
    };
    let what = match &machine.guest {
        Some(guest) if guest.kind == GuestKind::Linux => format!("Linux: {}", guest.kernel.value),
        Some(guest) => format!("bare metal: {}", guest.kernel.value),
        None => "guest".to_owned(),
    };
    let vcpus = match machine.vcpus.len() {
        1 => "1 vCPU".to_owned(),
        n => format!("{n} vCPUs"),
    };
    let mut lines = vec![
        plain(what),
        plain(format!("{vcpus}, priority {}", machine.schedule.priority)),
    ];
    // What its VMM maps too is in the VMM's box already.
    let own: Vec<_> = machine
        .maps
        .iter()
        .filter(|m| !domain.maps.iter().any(|d| d.region == m.region))
        .cloned()
        .collect();
    private(system, &own, &mut lines);
    if let Some(doorbell) = &machine.doorbell {
        let port = if doorbell.port { ", port" } else { "" };
        let text = match doorbell.registers {
            Some(at) => format!("doorbell, interrupt {}{port}", at.irq),
            None => format!("doorbell{port}"),
        };
        lines.push(Line {
            mark: Mark::Doorbell,
            text,
        });
    }
    Guest {
        name: machine.name.clone(),
        lines,
    }
}
