// SPDX-License-Identifier: BSD-2-Clause
//! Guests: kernel, initial RAM disk and device tree in guest memory.

use crate::Error;
use crate::briefs;
use crate::builder::Source;
use crate::driver::share_words;
use crate::elf::Elf;
use crate::layout::Layout;
use crate::space::CONSTANT;
use molt_sdf::model::{At, DomainId, Doorbell, Guest, GuestKind, VirtualMachine};
use molt_sdf::{Rule, System};
use molt_system::layout::{LARGE_PAGE, SMALL_PAGE};
use molt_system::{ImageRow, VmmImages};
use molt_vmm::boot::LinuxImage;
use molt_vmm::device_tree;
use zerocopy::IntoBytes;

/// Room for the device tree: the largest that Linux takes (Documentation/arch/arm64/booting.rst, "Setup the device tree").
const TREE: u64 = LARGE_PAGE;

/// Where a guest's parts are, in guest-physical addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loaded {
    pub kind: u32,
    pub entry: u64,
    pub device_tree: u64,
    pub initrd: u64,
    pub initrd_size: u64,
    /// What is kept for its resets.
    pub images: VmmImages,
}

impl Loaded {
    fn new(
        kind: molt_system::GuestKind,
        entry: u64,
        device_tree: u64,
        initrd: Option<(u64, u64)>,
    ) -> Self {
        let (start, end) = initrd.unwrap_or_default();
        Self {
            kind: kind as u32,
            entry,
            device_tree,
            initrd: start,
            initrd_size: end - start,
            images: VmmImages::default(),
        }
    }
}

/// Guest memory: its region, address and size, and what was put into it so far: offset and bytes.
struct Memory {
    region: usize,
    base: u64,
    size: u64,
    images: Vec<(u64, Source)>,
}

/// A client's memory: the region that the device of its first share accesses; without a share, the region that its guest
/// executes from.
pub fn memory_region(system: &System, index: DomainId) -> Option<usize> {
    let described = &system.domains[index];
    let mut shares = system.domains.iter().flat_map(|d| &d.clients);
    let share = shares.find_map(|c| c.memory.filter(|_| c.domain == index));
    let guest = || {
        let mut maps = described.machine.iter().flat_map(|m| &m.maps);
        let found = maps
            .find(|m| m.rights.execute && described.maps.iter().any(|own| own.region == m.region));
        found.map(|m| m.region)
    };
    share.or_else(guest)
}

/// Loads every guest into its memory; by PD.
pub fn load_all(layout: &mut Layout) -> Result<Vec<Option<Loaded>>, Error> {
    (0..layout.system.domains.len())
        .map(|index| load(layout, index))
        .collect()
}

/// Loads the guest of a PD's virtual machine, if it has one.
fn load(layout: &mut Layout, index: DomainId) -> Result<Option<Loaded>, Error> {
    let system = layout.system;
    let Some(machine) = &system.domains[index].machine else {
        return Ok(None);
    };
    let Some(guest) = &machine.guest else {
        return Ok(None);
    };
    let region = memory_region(system, index);
    let map = region.and_then(|r| Some((r, machine.maps.iter().find(|m| m.region == r)?)));
    let Some((region, map)) = map else {
        return Err(layout.broken(&guest.span, Rule::GuestMemory(machine.name.clone())));
    };
    let mut memory = Memory {
        region,
        base: map.vaddr.value,
        size: system.region(region).size,
        images: Vec::new(),
    };
    let mut loaded = match guest.kind {
        GuestKind::Bare => bare(layout, index, machine, guest, &mut memory)?,
        GuestKind::Linux => linux(layout, index, machine, guest, &mut memory)?,
    };
    if guest.reset {
        loaded.images = keep(layout, index, &memory);
    }
    Ok(Some(loaded))
}

/// Puts the boot images, which the guest writes over while it runs, in a region that only its VMM has, to read.
fn keep(layout: &mut Layout, index: DomainId, memory: &Memory) -> VmmImages {
    let system = layout.system;
    let count = memory.images.len() as u64;
    let mut end = count * size_of::<ImageRow>() as u64;
    let mut rows = Vec::new();
    for (offset, source) in &memory.images {
        let at = end.next_multiple_of(8);
        end = at + source.length;
        rows.push(ImageRow {
            offset: *offset,
            at,
            size: source.length,
        });
    }
    let page = match end {
        LARGE_PAGE.. => LARGE_PAGE,
        _ => SMALL_PAGE,
    };
    layout
        .b
        .part(format!("boot images of {}", system.domains[index].name));
    let frames = layout.b.frames(end, page.trailing_zeros(), None);
    layout.b.fill(frames, 0, rows.as_bytes());
    for (row, (_, source)) in rows.iter().zip(&memory.images) {
        layout.b.fill_from(frames, row.at, *source);
    }
    let Some((fixed, b)) = layout.fixed(index) else {
        return VmmImages::default();
    };
    VmmImages {
        vaddr: fixed.space.map_tool(b, frames, CONSTANT),
        count,
        page_size: system.region(memory.region).page_size,
    }
}

/// A bare guest: an ELF at its own addresses, the device tree at the end of memory.
fn bare(
    layout: &mut Layout,
    index: DomainId,
    machine: &VirtualMachine,
    guest: &Guest,
    memory: &mut Memory,
) -> Result<Loaded, Error> {
    let (_, bytes) = layout.files.named(layout.system, &guest.kernel)?;
    let elf = Elf::parse(molt_sdk::Arch::Aarch64, &bytes)
        .map_err(|reason| layout.image_error(&guest.kernel, &guest.kernel.span, reason))?;
    for segment in &elf.segments {
        put(layout, memory, &guest.kernel, segment.paddr, &segment.data)?;
    }
    let device_tree = (memory.base + memory.size).saturating_sub(TREE);
    let end = (elf.segments.iter())
        .map(|segment| segment.paddr.saturating_add(segment.data.len() as u64))
        .max();
    let after = end.unwrap_or(memory.base).next_multiple_of(LARGE_PAGE);
    let initrd = initrd(layout, guest, memory, after)?;
    let tree = tree(layout, index, machine, guest, memory, initrd)?;
    put(layout, memory, &guest.kernel, device_tree, &tree)?;
    Ok(Loaded::new(
        molt_system::GuestKind::Bare,
        elf.entry,
        device_tree,
        initrd,
    ))
}

/// Puts the initial RAM disk at this address; its first byte and the one behind its last.
fn initrd(
    layout: &mut Layout,
    guest: &Guest,
    memory: &mut Memory,
    start: u64,
) -> Result<Option<(u64, u64)>, Error> {
    let Some(name) = &guest.initrd else {
        return Ok(None);
    };
    let (_, bytes) = layout.files.named(layout.system, name)?;
    put(layout, memory, name, start, &bytes)?;
    Ok(Some((start, start.saturating_add(bytes.len() as u64))))
}

/// Linux: the kernel where its header wants it, then device tree and initial RAM disk.
fn linux(
    layout: &mut Layout,
    index: DomainId,
    machine: &VirtualMachine,
    guest: &Guest,
    memory: &mut Memory,
) -> Result<Loaded, Error> {
    let (_, file) = layout.files.named(layout.system, &guest.kernel)?;
    let kernel = molt_linux::boot_image(&file).map_err(|error| {
        let rule = Rule::Image(guest.kernel.value.clone(), error.to_string());
        layout.broken(&guest.kernel.span, rule)
    })?;
    let header = LinuxImage::parse(&kernel).ok();
    let place = header.and_then(|h| Some((h.address(memory.base)?, h.image_size)));
    let Some((entry, size)) = place else {
        let rule = Rule::Image(
            guest.kernel.value.clone(),
            "is no arm64 Linux kernel: its header is missing (Linux: Documentation/arch/arm64/booting.rst)".to_owned(),
        );
        return Err(layout.broken(&guest.kernel.span, rule));
    };
    put(layout, memory, &guest.kernel, entry, &kernel)?;
    let device_tree = entry.saturating_add(size).next_multiple_of(LARGE_PAGE);
    let initrd = initrd(layout, guest, memory, device_tree + TREE)?;
    let tree = tree(layout, index, machine, guest, memory, initrd)?;
    put(layout, memory, &guest.kernel, device_tree, &tree)?;
    Ok(Loaded::new(
        molt_system::GuestKind::Linux,
        entry,
        device_tree,
        initrd,
    ))
}

fn tree(
    layout: &Layout,
    index: DomainId,
    machine: &VirtualMachine,
    guest: &Guest,
    memory: &Memory,
    initrd: Option<(u64, u64)>,
) -> Result<Vec<u8>, Error> {
    let system = layout.system;
    let components = system.components();
    let mut devices: Vec<_> = briefs::shares(system, index)
        .map(|(component, share)| {
            let domain = &system.domains[components[component]];
            let described = domain.replaceable.as_ref();
            if let (Some(passed), Some(component)) = (share.passed(), described) {
                let (offset, size) = passed.registers;
                return device_tree::Device::Passed {
                    compatible: &component.device,
                    registers: (passed.vaddr + offset, size),
                    irq: passed.irq as u32,
                };
            }
            if share.rom().is_some() {
                let [address, size, ..] = share_words(system, components[component], share);
                return device_tree::Device::Rom { address, size };
            }
            match described.map(|component| component.class.as_str()) {
                // Linux has a driver for ports of a virtio console.
                Some("sensor") if guest.kind == GuestKind::Bare => device_tree::Device::Sensors,
                _ => device_tree::Device::Virtio,
            }
        })
        .collect();
    let bell = machine.doorbell.as_ref();
    // Behind the shares, the device with the ports (`pds/vmm`).
    if bell.is_some_and(|bell| bell.port) {
        devices.push(device_tree::Device::Virtio);
    }
    let registers = |bell: &Doorbell| {
        let at = bell.registers?;
        let staging = machine
            .maps
            .iter()
            .find(|m| m.region == bell.staging)
            .map_or(0, |m| m.vaddr.value);
        Some(device_tree::Doorbell {
            address: at.vaddr,
            irq: at.irq as u32,
            staging: (staging, system.region(bell.staging).size),
        })
    };
    let described = device_tree::Guest {
        vcpus: machine.vcpus.len() as u32,
        memory: (memory.base, memory.size),
        command_line: &guest.cmdline,
        initrd,
        devices: &devices,
        doorbell: bell.and_then(registers),
    };
    device_tree::build(&described).map_err(|error| {
        let rule = Rule::Image(guest.kernel.value.clone(), format!("device tree: {error}"));
        layout.broken(&guest.span, rule)
    })
}

fn put(
    layout: &mut Layout,
    memory: &mut Memory,
    file: &At<String>,
    address: u64,
    bytes: &[u8],
) -> Result<(), Error> {
    let fits = address
        .checked_sub(memory.base)
        .filter(|at| at.saturating_add(bytes.len() as u64) <= memory.size);
    match fits {
        Some(offset) => {
            let frames = layout.regions[memory.region];
            let source = layout.b.fill(frames, offset, bytes);
            memory.images.push((offset, source));
            Ok(())
        }
        None => {
            let (start, end) = (memory.base, memory.base + memory.size);
            let text = format!(
                "'{}' at {address:#x} with {:#x} bytes does not fit into guest memory from {start:#x} to {end:#x}",
                file.value,
                bytes.len()
            );
            Err(layout.broken(&file.span, Rule::Fit(text)))
        }
    }
}
