// SPDX-License-Identifier: BSD-2-Clause
//! Replaceable PDs: their briefs, and their program images made into bundles.
//!
//! A generation's address space is the same for all images of a component: what the description maps, the usual stack and
//! IPC buffer, and in the tool's area the brief, the orders and the report page, at fixed addresses.

use crate::Error;
use crate::builder::Frames;
use crate::configuration::top_of;
use crate::domain::microkit_symbols;
use crate::elf::Elf;
use crate::error::ElfError;
use crate::io;
use crate::layout::Layout;
use crate::trust;
use molt_bundle::Identity as BundleIdentity;
use molt_envelope::{Bundle, Member};
use molt_sdf::Rule;
use molt_sdf::System;
use molt_sdf::model::{
    Client, DomainId, Irq, Map, ProtectionDomain, RegionId, Replaceable, Role, SetvarValue, Share,
    Techniques,
};
use molt_sdk::Arch;
use molt_system::layout::{SMALL_PAGE, TOOL_AREA, Top};
use molt_system::{
    BriefHeader, DriverBrief, DriverClient, DriverFirmware, DriverRing, Entry, ISOLATED, Identity,
    MAX_DRIVER_CLIENTS, MAX_FIRMWARE, NONE, Name, PAUSE, PINNED, SHARE_WORDS, STAND_IN, TableRange,
    TrustKey, UNPLUG,
};
use std::mem::offset_of;
use zerocopy::IntoBytes;

/// Address of the brief in every generation.
const BRIEF: u64 = TOOL_AREA + 0x1000;
/// Bytes of the brief's pages.
const BRIEF_SIZE: u64 = (size_of::<DriverBrief>() as u64).next_multiple_of(0x1000);
/// Address of the orders page.
pub const ORDERS: u64 = TOOL_AREA + 0x10_0000;
/// Address of the report page.
pub const REPORT: u64 = ORDERS + 0x2000;
/// Address of the configuration space of a component's PCI function, which a generation gets to read.
pub const CONFIGURATION: u64 = REPORT + 0x2000;
/// Address of the device's firmware in a generation, and after it that of the next generation's while it is transferred.
const FIRMWARE: u64 = TOOL_AREA + 0x20_0000;
/// Sequence number of the factory image: every update is above it.
pub const FACTORY: u64 = 0;
/// Version of the capsule's format: none is handed over yet, all starts are cold.
pub const CAPSULE: u32 = 0;

/// A component, ready for `update`'s and `stage`'s briefs.
pub struct Driver {
    pub domain: DomainId,
    /// The factory bundle.
    pub bundle: Vec<u8>,
    /// Frames of the brief.
    pub brief: Frames,
    pub entry: Entry,
    /// What needs page tables.
    pub tables: Vec<TableRange>,
    /// The keys that are trusted from the start.
    pub keys: Vec<TrustKey>,
}

/// All components.
pub fn all(layout: &mut Layout) -> Result<Vec<Driver>, Error> {
    layout
        .system
        .components()
        .into_iter()
        .map(|domain| one(layout, domain))
        .collect()
}

fn one(layout: &mut Layout, domain: DomainId) -> Result<Driver, Error> {
    let system = layout.system;
    let described = &system.domains[domain];
    let (_, file) = layout.files.named(system, &described.image)?;
    let arch = (layout.configuration.arch(), layout.configuration.top());
    let firmware = match described
        .replaceable
        .as_ref()
        .and_then(|r| r.firmware.as_ref())
    {
        Some(firmware) => Some(layout.files.named(system, &firmware.image)?.1),
        None => None,
    };
    let with = Bundle {
        firmware: firmware.as_deref(),
        ..Bundle::default()
    };
    let bundle = (layout.configuration.check(&file))
        .and_then(|()| make_bundle(arch, system, domain, &file, FACTORY, &with))
        .map_err(|reason| layout.image_error(&described.image, &described.image.span, reason))?;
    let slot = described.replaceable.as_ref().map_or(0, |r| r.bundle_size);
    if bundle.len() as u64 > slot {
        let text = format!(
            "the bundle of '{}' has {:#x} bytes, its slots {slot:#x}",
            described.name,
            bundle.len()
        );
        return Err(layout.broken(&described.image.span, molt_sdf::Rule::Fit(text)));
    }
    let keys = match &described.replaceable {
        Some(replaceable) => trust::keys(system, layout.files, replaceable)?,
        None => Vec::new(),
    };
    let frames = layout.b.frames(BRIEF_SIZE, 12, None);
    let brief = brief(system, domain);
    layout.b.fill(frames, 0, brief.as_bytes());
    layout.b.fill_counter(frames);
    for (n, client) in described
        .clients
        .iter()
        .enumerate()
        .take(MAX_DRIVER_CLIENTS)
    {
        let row = offset_of!(DriverBrief, clients) + n * size_of::<DriverClient>();
        // Where the device reaches the queue's region: that of a network, where the frames are, and that of a stand-in.
        let frames_are_queued = matches!(client.share, Some(Share::Network { .. }));
        let reached = frames_are_queued || client.stand_in.is_some();
        let queue = client.queue.filter(|_| reached);
        let queue = queue.map(|queue| (offset_of!(DriverClient, queue_paddr), queue));
        // A network's device does not reach the client's memory.
        let memory = client.memory.filter(|_| !frames_are_queued);
        let memory = memory.map(|region| (offset_of!(DriverClient, memory_paddr), region));
        for (word, region) in queue.into_iter().chain(memory) {
            device_address(layout, domain, region, frames, (row + word) as u64)?;
        }
    }
    if let Some(ring) = ring(system, domain) {
        let at = offset_of!(DriverBrief, ring) + offset_of!(DriverRing, paddr);
        device_address(layout, domain, ring.region, frames, at as u64)?;
    }
    Ok(Driver {
        domain,
        bundle,
        brief: frames,
        entry: entry(layout.configuration.top(), described.stack_size),
        tables: tables(system, domain),
        keys,
    })
}

/// Fills in the address at which the component's device reaches a region: as its address space has it, or where it has
/// none, the physical one.
fn device_address(
    layout: &mut Layout,
    domain: DomainId,
    region: RegionId,
    brief: Frames,
    offset: u64,
) -> Result<(), Error> {
    let described = &layout.system.domains[domain];
    if described
        .replaceable
        .as_ref()
        .is_none_or(|r| r.io_space.is_none())
    {
        let frames = layout.regions[region];
        layout.b.fill_paddr(brief, offset, frames);
        return Ok(());
    }
    let Some(map) = io::map_of(layout, domain, region) else {
        let region = layout.system.region(region).name.clone();
        let rule = Rule::IoMapMissing(region, described.name.clone());
        return Err(layout.broken(&described.span, rule));
    };
    layout.b.fill(brief, offset, &map.address.to_le_bytes());
    Ok(())
}

pub fn entry(top: Top, stack_size: u64) -> Entry {
    Entry {
        stack_top: top.stack,
        stack_size,
        ipc_buffer: top.ipc_buffer,
        brief: BRIEF,
        brief_size: BRIEF_SIZE,
    }
}

/// The driver's ring memory: its revocable region that is no client's queue.
pub fn ring(system: &System, domain: DomainId) -> Option<&Map> {
    let described = &system.domains[domain];
    let is_queue = |m: &Map| described.clients.iter().any(|c| c.queue == Some(m.region));
    described
        .maps
        .iter()
        .find(|m| system.region(m.region).revocable && !is_queue(m))
}

/// The driver's mappings of devices.
pub fn devices(system: &System, domain: DomainId) -> impl Iterator<Item = &Map> {
    system.domains[domain]
        .maps
        .iter()
        .filter(|m| !system.region(m.region).revocable)
}

pub fn tables(system: &System, domain: DomainId) -> Vec<TableRange> {
    let mut tables: Vec<_> = system.domains[domain]
        .maps
        .iter()
        .map(|map| {
            let region = system.region(map.region);
            let page_bits = region.page_size.trailing_zeros();
            TableRange {
                vaddr: map.vaddr.value,
                size: region.size,
                page_bits,
                reserved: 0,
            }
        })
        .collect();
    let is_pci = (system.domains[domain].replaceable.as_ref()).is_some_and(|r| r.pci.is_some());
    let configuration = is_pci.then_some(CONFIGURATION);
    tables.extend(
        [ORDERS, REPORT]
            .into_iter()
            .chain(configuration)
            .map(|vaddr| TableRange {
                vaddr,
                size: 0x1000,
                page_bits: 12,
                reserved: 0,
            }),
    );
    let firmware = firmware(system, domain);
    let own_and_next = [firmware.own, firmware.next];
    tables.extend(
        own_and_next
            .into_iter()
            .filter(|at| *at != 0)
            .map(|vaddr| TableRange {
                vaddr,
                size: firmware.size,
                page_bits: 12,
                reserved: 0,
            }),
    );
    tables
}

/// Where the device's firmware is; zeros if it runs none that comes with its driver.
pub fn firmware(system: &System, domain: DomainId) -> DriverFirmware {
    let replaceable = system.domains[domain].replaceable.as_ref();
    let Some(firmware) = replaceable.and_then(|r| r.firmware.as_ref()) else {
        return DriverFirmware::default();
    };
    DriverFirmware {
        size: firmware.size.next_multiple_of(SMALL_PAGE),
        own: FIRMWARE,
        next: FIRMWARE + MAX_FIRMWARE,
    }
}

fn brief(system: &System, domain: DomainId) -> DriverBrief {
    let described = &system.domains[domain];
    let mut brief = DriverBrief {
        header: BriefHeader::of::<DriverBrief>(),
        name: Name::new(&described.name),
        orders: ORDERS,
        report: REPORT,
        irq: own_irqs(described)
            .first()
            .map_or(NONE, |irq| irq.id.value as u32),
        update_channel: channel(system, domain, system.role(Role::Update)),
        firmware: firmware(system, domain),
        client_count: described.clients.len().min(MAX_DRIVER_CLIENTS) as u32,
        ..DriverBrief::default()
    };
    if let Some(map) = devices(system, domain).next() {
        (brief.device, brief.device_size) = (map.vaddr.value, system.region(map.region).size);
    }
    if described
        .replaceable
        .as_ref()
        .is_some_and(|r| r.pci.is_some())
    {
        brief.configuration = CONFIGURATION;
    }
    if let Some(map) = ring(system, domain) {
        brief.ring = DriverRing {
            vaddr: map.vaddr.value,
            paddr: 0,
            size: system.region(map.region).size,
        };
    }
    for (row, client) in brief.clients.iter_mut().zip(&described.clients) {
        *row = client_row(system, domain, client);
    }
    brief
}

/// The interrupts of a driver: none if its client drives the device.
fn own_irqs(described: &ProtectionDomain) -> &[Irq] {
    let passed = described
        .clients
        .iter()
        .any(|client| client.passed().is_some());
    if passed { &[] } else { &described.irqs }
}

fn client_row(system: &System, domain: DomainId, client: &Client) -> DriverClient {
    let described = &system.domains[domain];
    let queue = described
        .maps
        .iter()
        .find(|m| Some(m.region) == client.queue)
        .map_or(0, |m| m.vaddr.value);
    DriverClient {
        name: Name::new(&system.domains[client.domain].name),
        queue,
        queue_words: queue_words(system, client),
        queue_paddr: 0,
        memory_paddr: 0,
        memory_size: (client.memory).map_or(0, |memory| system.region(memory).size),
        share: share_words(system, domain, client),
        channel: channel(system, domain, Some(client.domain)),
        reserved: 0,
    }
}

/// 64-bit words of a client's queue.
pub fn queue_words(system: &System, client: &Client) -> u64 {
    (client.queue).map_or(0, |queue| system.region(queue).size / 8)
}

/// A share in the words of its class.
pub fn share_words(system: &System, driver: DomainId, client: &Client) -> [u64; SHARE_WORDS] {
    match client.share {
        Some(Share::Block {
            first_sector,
            sectors,
        }) => [first_sector, sectors, 0, 0],
        Some(Share::Network {
            mac: [a, b, c, d, e, f],
            pinned,
            isolated,
        }) => {
            let held = if pinned { PINNED } else { 0 };
            let apart = if isolated { ISOLATED } else { 0 };
            let mac = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
            [mac, held | apart, 0, 0]
        }
        // The pages are the component's only mapping.
        Some(Share::PassThrough(passed)) => [passed.vaddr, SMALL_PAGE, passed.irq, passed.id],
        Some(Share::Rom { vaddr }) => {
            let content = system.rom_content(driver);
            [vaddr, content.map_or(0, |id| system.region(id).size), 0, 0]
        }
        Some(Share::Entropy | Share::Sensor) | None => [0; SHARE_WORDS],
    }
}

/// A client's techniques as a set; 0 for none but `hold`.
pub fn techniques(client: &Client) -> u32 {
    let Techniques {
        unplug,
        pause,
        stand_in,
    } = client.techniques;
    let all = [(unplug, UNPLUG), (pause, PAUSE), (stand_in, STAND_IN)];
    all.into_iter()
        .filter_map(|(there, bit)| there.then_some(bit))
        .sum()
}

/// The identifier in `of` of its channel with `with`.
pub fn channel(system: &System, of: DomainId, with: Option<DomainId>) -> u32 {
    with.and_then(|with| system.channel(of, with))
        .map_or(NONE, |(own, _)| own as u32)
}

/// The identifiers that a bundle for this component must name.
pub fn identity(replaceable: &Replaceable) -> Identity {
    let BundleIdentity {
        vendor,
        class,
        device,
    } = named(replaceable);
    Identity {
        name: Name::new(&replaceable.class),
        vendor,
        class,
        device,
    }
}

/// The identifiers of a component.
pub fn named(replaceable: &Replaceable) -> BundleIdentity {
    BundleIdentity::new(
        &replaceable.vendor,
        &replaceable.class,
        &replaceable.device,
        replaceable.abi as u32,
        CAPSULE,
    )
}

/// Sets the component's symbols in a driver's ELF and puts it into an unsigned envelope.
fn make_bundle(
    place: (Arch, Top),
    system: &System,
    domain: DomainId,
    file: &[u8],
    sequence: u64,
    with: &Bundle<'_>,
) -> Result<Vec<u8>, ElfError> {
    let replaceable = system.domains[domain]
        .replaceable
        .as_ref()
        .ok_or(ElfError::NotReplaceable)?;
    let bundle = Bundle {
        class: &replaceable.class,
        identity: named(replaceable),
        sequence,
        driver: &with_symbols(place, system, domain, file)?,
        ..*with
    };
    (bundle.envelope()).map_err(|error| ElfError::Format(error.to_string()))
}

/// A driver's ELF with the component's symbols set.
fn with_symbols(
    (arch, top): (Arch, Top),
    system: &System,
    domain: DomainId,
    file: &[u8],
) -> Result<Vec<u8>, ElfError> {
    let described = &system.domains[domain];
    let mut elf = Elf::parse(arch, file)?;
    elf.check_place(top, described.stack_size, true)?;
    let mut set = vec!["molt_brief", "molt_brief_size"];
    for (name, value) in microkit_symbols(system, domain) {
        elf.set(name, &value)?;
        set.push(name);
    }
    elf.set_word("molt_brief", BRIEF)?;
    elf.set_word("molt_brief_size", size_of::<DriverBrief>() as u64)?;
    for setvar in &described.setvars {
        let value = match setvar.value {
            SetvarValue::Number(number) => Some(number),
            // A generation is built at run time: only an address that the description fixes is known.
            SetvarValue::Address(region) => system.region(region).phys_addr,
        };
        let name = &setvar.symbol.value;
        elf.set_word(
            name,
            value.ok_or_else(|| ElfError::SymbolPlace(name.clone()))?,
        )?;
        set.push(name);
    }
    // BSS is not in the file: a symbol there that is to be 0 stays so by itself.
    set.retain(|name| {
        elf.symbol(name)
            .is_some_and(|(address, size)| !is_zero(&elf, address, size))
    });
    elf.write_back(file, &set)
}

fn is_zero(elf: &Elf, address: u64, size: u64) -> bool {
    elf.segments.iter().any(|s| {
        let start = address
            .checked_sub(s.vaddr)
            .and_then(|n| usize::try_from(n).ok());
        start
            .and_then(|n| s.data.get(n..n + size as usize))
            .is_some_and(|bytes| bytes.iter().all(|b| *b == 0))
    })
}

/// What a bundle brings for a component.
#[derive(Clone, Copy, Debug)]
pub struct Brings<'a> {
    /// The replaceable PD.
    pub component: DomainId,
    /// The driver's ELF.
    pub driver: &'a [u8],
    /// The firmware of its device.
    pub firmware: Option<&'a [u8]>,
}

/// An unsigned bundle with drivers for several replaceable PDs of a system, with a sequence number. The text and the guest's part, which is
/// for the first component, are those of `with`.
///
/// # Errors
/// As for [`bundle`]; or two of the components have the same class.
pub fn bundle_of_several(
    arch: Arch,
    system: &System,
    brings: &[Brings<'_>],
    sequence: u64,
    with: &Bundle<'_>,
) -> Result<Vec<u8>, Error> {
    let Some((first, others)) = brings.split_first() else {
        return Err(Error::NoComponent(String::new()));
    };
    let mut drivers = Vec::new();
    for other in others {
        let (domain, described) = replaceable(system, other.component)?;
        let same = |b: &&Brings<'_>| {
            replaceable(system, b.component).is_ok_and(|(_, r)| r.class == described.class)
        };
        if brings.iter().filter(same).count() > 1 {
            return Err(Error::SameClass(domain.name.clone()));
        }
        let driver = with_symbols((arch, top_of(arch)), system, other.component, other.driver)
            .map_err(|reason| program(domain, reason))?;
        drivers.push((described, driver, other.firmware));
    }
    let others: Vec<Member<'_>> = drivers
        .iter()
        .map(|(replaceable, driver, firmware)| Member {
            class: &replaceable.class,
            identity: named(replaceable),
            driver,
            firmware: *firmware,
        })
        .collect();
    let with = Bundle {
        firmware: first.firmware,
        others: &others,
        ..*with
    };
    bundle(arch, system, first.component, first.driver, sequence, &with)
}

fn replaceable(
    system: &System,
    component: DomainId,
) -> Result<(&ProtectionDomain, &Replaceable), Error> {
    let domain = system.domains.get(component);
    domain
        .and_then(|domain| Some((domain, domain.replaceable.as_ref()?)))
        .ok_or_else(|| Error::NoComponent(component.to_string()))
}

fn program(domain: &ProtectionDomain, reason: ElfError) -> Error {
    Error::Program {
        path: domain.name.clone().into(),
        reason,
    }
}

/// An unsigned bundle with a driver's ELF for the replaceable PD `component` of a system, with a sequence number. The text and
/// the guest's part are those of `with`.
///
/// # Errors
/// When `component` is not replaceable, or the ELF is no driver for it.
pub fn bundle(
    arch: Arch,
    system: &System,
    component: DomainId,
    elf: &[u8],
    sequence: u64,
    with: &Bundle<'_>,
) -> Result<Vec<u8>, Error> {
    let (domain, _) = replaceable(system, component)?;
    make_bundle((arch, top_of(arch)), system, component, elf, sequence, with)
        .map_err(|reason| program(domain, reason))
}
