// SPDX-License-Identifier: BSD-2-Clause
//! A static PD: its address space, its own capabilities, its program and its thread.

use crate::Error;
use crate::builder::{ALL, Frames};
use crate::error::ElfError;
use crate::layout::Layout;
use crate::space::{CONSTANT, DATA};
use molt_sdf::Rule;
use molt_sdf::model::{DomainId, ExtraCapability, ProtectionDomain, Rights, SetvarValue, System};
use molt_system::boot::{IoPorts, Kind, NO_FPU, PD, START, Thread};
use molt_system::layout::{TOOL_AREA, TOOL_END};
use molt_system::{NONE, Name, cspace};

/// A PD's scheduling context has badge 0x100 + its index, as Microkit's have.
const SC_BADGE: u64 = 0x100;

/// The mappings of the description.
pub fn address_space(layout: &mut Layout, index: DomainId) -> Result<(), Error> {
    let described = &layout.system.domains[index];
    for map in &described.maps {
        let region = layout.system.region(map.region);
        let frames = layout.regions[map.region];
        let Some((fixed, b)) = layout.fixed(index) else {
            return Ok(());
        };
        let range = map.vaddr.value..map.vaddr.value + frames.size();
        if fixed
            .elf
            .segments
            .iter()
            .any(|s| s.first_page() < range.end && range.start < s.end_page())
        {
            let rule = Rule::MapOverImage(region.name.clone(), range.start, described.name.clone());
            return Err(layout.broken(&map.vaddr.span, rule));
        }
        if region.revocable {
            // `update` grants it at run time; until then only its page tables are there.
            fixed
                .space
                .reserve(b, range.start, frames.size(), frames.page_bits);
        } else {
            fixed
                .space
                .map(b, frames, range.start, map.rights, map.cached);
        }
    }
    Ok(())
}

/// What Microkit puts into every PD's CNode, and `<cspace>`.
pub fn capabilities(layout: &mut Layout, index: DomainId) {
    let system = layout.system;
    let described = &system.domains[index];
    let notification = layout.domains[index].notification;
    let (monitor, monitor_badge) = (layout.monitor_endpoint, index as u64 + 1);
    let (fault, fault_badge) = layout
        .fault_endpoint(index)
        .unwrap_or((monitor, monitor_badge));
    let benchmark = layout.configuration.tables.is("ENABLE_BENCHMARKS");
    let Some((fixed, b)) = layout.fixed(index) else {
        return;
    };
    let cnode = fixed.cspace.microkit;
    let (space, tcb) = (fixed.space.vspace, fixed.tcb);
    b.place(
        cnode,
        cspace::INPUT,
        fixed.endpoint.unwrap_or(notification),
        ALL,
        0,
    );
    b.place(cnode, cspace::VSPACE, space, ALL, 0);
    b.place(cnode, cspace::FAULT_ENDPOINT, fault, ALL, fault_badge);
    if benchmark {
        // The kernel's benchmark calls name a thread.
        b.place(cnode, cspace::OWN_TCB, tcb, ALL, 0);
    }
    let reply = b.make(Kind::Reply, 0, 1);
    b.place(cnode, cspace::REPLY, reply, ALL, 0);
    if described.passive {
        b.place(cnode, cspace::MONITOR, monitor, ALL, monitor_badge);
    }
    if described.smc {
        b.place(cnode, cspace::SMC, molt_system::boot::SOURCE_SMC, ALL, 0);
    }
    for irq in &described.irqs {
        let bound = Some((notification, 1 << irq.id.value));
        let handler = b.irq(irq, described.cpu.value, bound);
        b.place(cnode, cspace::IRQ + irq.id.value, handler, ALL, 0);
    }
    for ports in &described.ioports {
        let number = b.numbers(1);
        b.io_ports.push(IoPorts {
            first: ports.first as u32,
            last: (ports.first + ports.count - 1) as u32,
            ports: number,
            reserved: 0,
        });
        b.place(cnode, cspace::IO_PORTS + ports.id.value, number, ALL, 0);
    }
    if let Some((parent, id)) = described.parent {
        child(layout, parent, cspace::CHILD_TCB + id, tcb);
    }
    for extra in &described.cspace {
        let target = &layout.domains[extra.domain];
        let source = match (extra.kind, &target.fixed) {
            (ExtraCapability::SchedContext, _) => target.sc,
            (ExtraCapability::Tcb, Some(fixed)) => fixed.tcb,
            (ExtraCapability::VSpace, Some(fixed)) => fixed.space.vspace,
            (_, None) => continue,
        };
        if let Some((fixed, b)) = layout.fixed(index) {
            b.place(fixed.cspace.root, extra.slot.value, source, ALL, 0);
        }
    }
}

fn child(layout: &mut Layout, parent: DomainId, slot: u64, tcb: u32) {
    if let Some((fixed, b)) = layout.fixed(parent) {
        b.place(fixed.cspace.microkit, slot, tcb, ALL, 0);
    }
}

/// The values of Microkit's own symbols in a PD.
pub fn microkit_symbols(system: &System, index: DomainId) -> Vec<(&'static str, Vec<u8>)> {
    let described = &system.domains[index];
    let ends = || {
        system
            .channels
            .iter()
            .flat_map(|c| &c.ends)
            .filter(|e| e.domain == index)
    };
    let mask = |ids: &mut dyn Iterator<Item = u64>| {
        ids.fold(0u64, |m, id| m | 1 << id).to_le_bytes().to_vec()
    };
    // Interrupts of devices that its guest drives itself.
    let clients = system.domains.iter().flat_map(|d| &d.clients);
    let passed = clients.filter(|client| client.domain == index);
    let passed = passed.filter_map(|client| Some(client.passed()?.id));
    let mut name = vec![0; 64];
    name.iter_mut()
        .zip(described.name.bytes().take(63))
        .for_each(|(to, from)| *to = from);
    vec![
        ("microkit_passive", vec![described.passive.into()]),
        ("microkit_name", name),
        (
            "microkit_irqs",
            mask(&mut described.irqs.iter().map(|i| i.id.value).chain(passed)),
        ),
        (
            "microkit_notifications",
            mask(&mut ends().filter(|e| e.notify).map(|e| e.id.value)),
        ),
        (
            "microkit_pps",
            mask(&mut ends().filter(|e| e.pp).map(|e| e.id.value)),
        ),
        (
            "microkit_ioports",
            mask(&mut described.ioports.iter().map(|p| p.id.value)),
        ),
    ]
}

/// The program's segments with all symbols set, the stack, the IPC buffer, and the thread.
pub fn program(layout: &mut Layout, index: DomainId) -> Result<(), Error> {
    let described = &layout.system.domains[index];
    let symbols = microkit_symbols(layout.system, index);
    let Some((fixed, _)) = layout.fixed(index) else {
        return Ok(());
    };
    let set = symbols
        .iter()
        .try_for_each(|(name, value)| fixed.elf.set(name, value));
    set.map_err(|reason| layout.image_error(&described.image, &described.image.span, reason))?;
    tool_area_is_free(layout, described, index)?;
    for setvar in &described.setvars {
        let Some((fixed, _)) = layout.fixed(index) else {
            return Ok(());
        };
        let value = if let SetvarValue::Number(number) = setvar.value {
            number
        } else {
            0
        };
        let set = fixed.elf.set_word(&setvar.symbol.value, value);
        set.map_err(|reason| layout.image_error(&described.image, &setvar.symbol.span, reason))?;
    }
    segments(layout, described, index)?;
    thread(layout, described, index);
    Ok(())
}

fn tool_area_is_free(
    layout: &Layout,
    described: &ProtectionDomain,
    index: DomainId,
) -> Result<(), Error> {
    let used = layout.domains[index]
        .fixed
        .as_ref()
        .is_some_and(|f| f.space.has_tool_area());
    if let Some(fixed) = &layout.domains[index].fixed {
        let top = layout.configuration.top();
        let placed = fixed.elf.check_place(top, described.stack_size, used);
        let image = &described.image;
        placed.map_err(|reason| layout.image_error(image, &image.span, reason))?;
    }
    let clash = |m: &&molt_sdf::model::Map| {
        let range = m.range(layout.system);
        used && range.start < TOOL_END && TOOL_AREA < range.end
    };
    match described.maps.iter().find(clash) {
        Some(map) => {
            let region = layout.system.region(map.region).name.clone();
            let rule = Rule::MapOverTool(region, map.vaddr.value, described.name.clone());
            Err(layout.broken(&map.vaddr.span, rule))
        }
        None => Ok(()),
    }
}

fn segments(
    layout: &mut Layout,
    described: &ProtectionDomain,
    index: DomainId,
) -> Result<(), Error> {
    let regions = layout.regions.clone();
    let Some((fixed, b)) = layout.fixed(index) else {
        return Ok(());
    };
    let mut loaded: Vec<(u64, u64, Frames)> = Vec::new();
    for segment in &fixed.elf.segments {
        let (first, end) = (segment.first_page(), segment.end_page());
        let frames = b.frames(end - first, 12, None);
        b.fill(frames, segment.vaddr - first, &segment.data);
        let rights = Rights {
            read: segment.read,
            write: segment.write,
            execute: segment.execute,
        };
        fixed.space.map(
            b,
            frames,
            first,
            if rights.read || rights.execute {
                rights
            } else {
                CONSTANT
            },
            true,
        );
        loaded.push((first, end, frames));
    }
    for setvar in &described.setvars {
        let SetvarValue::Address(region) = setvar.value else {
            continue;
        };
        let symbol = &setvar.symbol.value;
        let address = fixed.elf.symbol(symbol).map_or(0, |(address, _)| address);
        match loaded
            .iter()
            .find(|(first, end, _)| (*first..*end).contains(&address))
        {
            // The fill is one aligned word: it must not lie across pages.
            Some((first, _, frames)) if address.is_multiple_of(8) => {
                b.fill_paddr(*frames, address - first, regions[region]);
            }
            _ => {
                let reason = ElfError::SymbolPlace(symbol.clone());
                return Err(layout.image_error(&described.image, &setvar.symbol.span, reason));
            }
        }
    }
    Ok(())
}

fn thread(layout: &mut Layout, described: &ProtectionDomain, index: DomainId) {
    let fault = layout.fault_endpoint(index);
    let top = layout.configuration.top();
    let (notification, sc) = (layout.domains[index].notification, layout.domains[index].sc);
    let Some((fixed, b)) = layout.fixed(index) else {
        return;
    };
    let stack = b.frames(described.stack_size, 12, None);
    fixed
        .space
        .map(b, stack, top.stack - described.stack_size, DATA, true);
    let ipc = b.frames(0x1000, 12, None);
    fixed.space.map(b, ipc, top.ipc_buffer, DATA, true);
    let (fault_endpoint, fault_badge) = fault.unwrap_or((NONE, index as u64 + 1));
    b.threads.push(Thread {
        name: Name::new(&described.name),
        tcb: fixed.tcb,
        cspace: fixed.cspace.root.object,
        cspace_data: cspace::guard(0),
        vspace: fixed.space.vspace,
        ipc_frame: ipc.first,
        ipc_buffer: top.ipc_buffer,
        sc,
        notification,
        vcpu: NONE,
        fault_endpoint,
        fault_badge,
        priority: described.schedule.priority as u32,
        mcp: described.schedule.priority as u32,
        budget_us: described.schedule.budget,
        period_us: described.schedule.period,
        sc_badge: SC_BADGE + index as u64,
        pc: fixed.elf.entry,
        sp: top.stack,
        flags: START | PD | if described.fpu { 0 } else { NO_FPU },
        extra_refills: 0,
        core: described.cpu.value as u32,
        // The number of the domain was checked with the schedule.
        domain: described.scheduling_domain.map_or(NONE, |id| id as u32),
    });
}
