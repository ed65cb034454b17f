// SPDX-License-Identifier: BSD-2-Clause
//! The walk over the tables, section by section.

use core::fmt;

use crate::kernel::{Kernel, Slot};
use crate::memory::{Memory, OutOfMemory, Part, Piece};
use molt_system::NONE;
use molt_system::boot::{
    BootError, FILL_BOOT_INFO, FILL_COUNTER, FILL_PADDR, FIXED, Fill, IoMapping, IoPorts, IoSpace,
    IoTable, Irq, Kind, MOVE, Mapping, Object, PageTable, Placement, START, ScheduleEntry, System,
    Thread,
};

/// Rights of copies that only a mapping restricts.
const ALL: u32 = 15;

/// Where the walk was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the tables.
    Tables,
    /// Making an object.
    Objects,
    /// Making an IRQ handler.
    Irqs,
    /// Making a capability to I/O ports.
    IoPorts,
    /// Making a device's address space.
    IoSpaces,
    /// Mapping a table of a device's address space.
    IoTables,
    /// Mapping a frame for a device.
    IoMappings,
    /// Mapping a page table.
    PageTables,
    /// Filling a frame.
    Fills,
    /// Mapping a frame.
    Mappings,
    /// Configuring a thread.
    Threads,
    /// Placing a capability.
    Placements,
    /// Setting an entry of the domain schedule.
    Schedule,
    /// Resuming a thread.
    Start,
    /// Starting the domain schedule.
    StartSchedule,
}

/// Why the system could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The tables are damaged.
    Tables(BootError),
    /// A row is invalid.
    Row(Step, usize),
    /// There is no memory for this row of objects.
    Memory(usize),
    /// An invocation failed in this row.
    Kernel(Step, usize, E),
}

impl<E: fmt::Debug> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Tables(error) => write!(f, "the tables are damaged: {error:?}"),
            Failure::Row(step, row) => write!(f, "{step:?}, row {row}: not a row of this table"),
            Failure::Memory(row) => write!(f, "Objects, row {row}: there is no memory for it"),
            Failure::Kernel(step, row, error) => {
                write!(f, "{step:?}, row {row}: the kernel refused: {error:?}")
            }
        }
    }
}

impl<E> From<BootError> for Failure<E> {
    fn from(error: BootError) -> Self {
        Failure::Tables(error)
    }
}

struct Walk<'k, K: Kernel> {
    kernel: &'k mut K,
    memory: &'k mut Memory,
    /// Slot of object 0.
    base: Slot,
    /// The next slot for copies.
    next: Slot,
}

/// Makes the whole system. No thread runs before the root task waits. `first_slot` is the first of the root task's empty
/// slots; `ready` is called when all objects at fixed addresses are made. Returns the first slot that is free afterwards.
///
/// # Errors
/// What could not be made. Nothing is undone: the system cannot start.
pub fn walk<K: Kernel>(
    kernel: &mut K,
    memory: &mut Memory,
    system: &System<'_>,
    first_slot: Slot,
    ready: impl FnOnce(&mut K, &mut Memory, &mut Slot),
) -> Result<Slot, Failure<K::Error>> {
    let header = system.header();
    let mut walk = Walk {
        kernel,
        memory,
        base: first_slot,
        next: first_slot + header.slots,
    };
    let objects = system.rows::<Object>(header.objects)?;
    // Objects at fixed addresses come first. Then the devices are there, and errors can be printed on the UART from here on.
    let fixed = objects.partition_point(|object| object.flags & FIXED != 0);
    let (at_address, anywhere) = objects.split_at(fixed);
    for (row, object) in at_address.iter().enumerate() {
        walk.object(row, object)?;
    }
    let ports = system.rows(header.io_ports)?;
    walk.each(Step::IoPorts, ports, Walk::io_ports)?;
    ready(walk.kernel, walk.memory, &mut walk.next);
    for (row, object) in anywhere.iter().enumerate() {
        walk.object(fixed + row, object)?;
    }
    walk.each(Step::Irqs, system.rows(header.irqs)?, Walk::irq)?;
    let spaces = system.rows(header.io_spaces)?;
    walk.each(Step::IoSpaces, spaces, Walk::io_space)?;
    walk.each(
        Step::PageTables,
        system.rows(header.page_tables)?,
        Walk::page_table,
    )?;
    let blob = system.rows::<u8>(header.blob)?;
    walk.fills(system.rows(header.fills)?, blob)?;
    walk.each(Step::Mappings, system.rows(header.mappings)?, Walk::mapping)?;
    let tables = system.rows(header.io_tables)?;
    walk.each(Step::IoTables, tables, Walk::io_table)?;
    let mappings = system.rows(header.io_mappings)?;
    walk.each(Step::IoMappings, mappings, Walk::io_mapping)?;
    let threads = system.rows::<Thread>(header.threads)?;
    let monitor = header.monitor_endpoint;
    walk.each(Step::Threads, threads, |walk, thread| {
        walk.thread(thread, monitor)
    })?;
    for (row, placement) in system
        .rows::<Placement>(header.placements)?
        .iter()
        .enumerate()
    {
        walk.placement(row, placement)?;
    }
    let schedule = system.rows::<ScheduleEntry>(header.domain_schedule)?;
    walk.each(Step::Schedule, schedule, |walk, entry| {
        let us = u128::from(entry.us) * u128::from(walk.kernel.counter_hz());
        let ticks = entry
            .ticks
            .saturating_add(u64::try_from(us / 1_000_000).unwrap_or(u64::MAX));
        walk.kernel.schedule(&ScheduleEntry { ticks, ..*entry })
    })?;
    walk.each(Step::Start, threads, |walk, thread| {
        match thread.flags & START {
            0 => Ok(()),
            _ => walk.kernel.resume(walk.slot(thread.tcb)),
        }
    })?;
    if !schedule.is_empty() {
        // This is the last step: nothing after it is certain to run.
        let started = walk.kernel.start_schedule(header.domain_start);
        started.map_err(|e| Failure::Kernel(Step::StartSchedule, 0, e))?;
    }
    Ok(walk.next)
}

impl<K: Kernel> Walk<'_, K> {
    fn slot(&self, number: u32) -> Slot {
        self.base + Slot::from(number)
    }

    fn fresh(&mut self) -> Slot {
        self.next += 1;
        self.next - 1
    }

    fn each<T>(
        &mut self,
        step: Step,
        rows: &[T],
        mut make: impl FnMut(&mut Self, &T) -> Result<(), K::Error>,
    ) -> Result<(), Failure<K::Error>> {
        rows.iter()
            .enumerate()
            .try_for_each(|(row, r)| make(self, r).map_err(|e| Failure::Kernel(step, row, e)))
    }

    fn object(&mut self, row: usize, object: &Object) -> Result<(), Failure<K::Error>> {
        let kind = Kind::from_number(object.kind).ok_or(Failure::Row(Step::Objects, row))?;
        let failed = |e| Failure::Kernel(Step::Objects, row, e);
        let no_memory = |OutOfMemory| Failure::Memory(row);
        let (bits, count) = (object.memory_bits, u64::from(object.count));
        if object.flags & FIXED == 0 {
            let run = self.memory.anywhere(bits, count).map_err(no_memory)?;
            let mut done = 0;
            for part in &run {
                self.part(*part, kind, object, done).map_err(failed)?;
                done += part.count;
            }
            return Ok(());
        }
        let mut done = 0;
        while done < count {
            let paddr = object.paddr.saturating_add(done << bits);
            let piece = self.memory.at(paddr, bits, count - done);
            match piece.map_err(no_memory)? {
                Piece::Objects(part) => {
                    self.part(part, kind, object, done).map_err(failed)?;
                    done += part.count;
                }
                Piece::Filler { untyped, size_bits } => {
                    let slot = self.fresh();
                    self.kernel
                        .retype(untyped, Kind::Untyped, size_bits, slot, 1)
                        .map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// The objects of a row from `done` on that one untyped has room for.
    fn part(&mut self, part: Part, kind: Kind, object: &Object, done: u64) -> Result<(), K::Error> {
        let (untyped, first) = (part.untyped, self.slot(object.first) + done);
        if kind == Kind::AsidPool {
            for n in 0..part.count {
                let raw = self.fresh();
                self.kernel
                    .retype(untyped, Kind::Untyped, object.memory_bits, raw, 1)?;
                self.kernel.make_asid_pool(raw, first + n)?;
            }
            return Ok(());
        }
        let mut made = 0;
        while made < part.count {
            let some = (part.count - made).min(K::FAN_OUT);
            self.kernel
                .retype(untyped, kind, object.size_bits, first + made, some)?;
            made += some;
        }
        if kind == Kind::VSpace {
            (0..part.count).try_for_each(|n| self.kernel.assign_asid(first + n))?;
        }
        Ok(())
    }

    fn irq(&mut self, irq: &Irq) -> Result<(), K::Error> {
        let handler = self.slot(irq.handler);
        self.kernel.irq_handler(irq, handler)?;
        if irq.notification == NONE {
            return Ok(());
        }
        let badged = self.fresh();
        let notification = self.slot(irq.notification);
        self.kernel.copy(notification, badged, ALL, irq.badge)?;
        self.kernel.irq_bind(handler, badged)
    }

    fn page_table(&mut self, table: &PageTable) -> Result<(), K::Error> {
        let (vspace, own) = (self.slot(table.vspace), self.slot(table.table));
        self.kernel.map_table(vspace, own, table.vaddr, table.bits)
    }

    fn io_ports(&mut self, row: &IoPorts) -> Result<(), K::Error> {
        let ports = self.slot(row.ports);
        self.kernel.io_ports(row, ports)
    }

    fn io_space(&mut self, row: &IoSpace) -> Result<(), K::Error> {
        let space = self.slot(row.space);
        self.kernel
            .io_space(row, space, self.memory, &mut self.next)
    }

    fn io_table(&mut self, row: &IoTable) -> Result<(), K::Error> {
        let (space, table) = (self.slot(row.space), self.slot(row.table));
        self.kernel.map_io_table(space, table, row.address)
    }

    fn io_mapping(&mut self, row: &IoMapping) -> Result<(), K::Error> {
        let space = self.slot(row.space);
        for n in 0..row.count {
            let copy = self.fresh();
            let frame = self.slot(row.frame + n);
            self.kernel.copy(frame, copy, ALL, 0)?;
            let address = row.address + (u64::from(n) << 12);
            self.kernel.map_io(space, copy, address, row.rights)?;
        }
        Ok(())
    }

    /// Fills frame by frame: a frame is opened once for all its rows.
    fn fills(&mut self, fills: &[Fill], blob: &[u8]) -> Result<(), Failure<K::Error>> {
        let mut row = 0;
        for group in fills.chunk_by(|a, b| a.frame == b.frame) {
            let failed = |e| Failure::Kernel(Step::Fills, row, e);
            let Some(first) = group.first() else { continue };
            let frame = self.slot(first.frame);
            self.kernel.open(frame, first.page_bits).map_err(failed)?;
            for fill in group {
                if fill.kind == FILL_COUNTER {
                    let value = self.kernel.counter_hz().to_le_bytes();
                    self.kernel.write(fill.offset, &value).map_err(failed)?;
                } else if fill.kind == FILL_BOOT_INFO {
                    let told = self.kernel.boot_info(fill.source);
                    let rest = told
                        .as_ref()
                        .get(fill.length as usize..)
                        .unwrap_or_default();
                    let size = 1_usize << first.page_bits;
                    let part = rest.get(..size).unwrap_or(rest);
                    self.kernel.write(fill.offset, part).map_err(failed)?;
                } else if fill.kind == FILL_PADDR {
                    let of = self.base + fill.source;
                    let address = self.kernel.address(of).map_err(failed)?;
                    let value = address.wrapping_add(fill.length).to_le_bytes();
                    self.kernel.write(fill.offset, &value).map_err(failed)?;
                } else {
                    let range =
                        fill.source as usize..fill.source.saturating_add(fill.length) as usize;
                    let bytes = blob.get(range).ok_or(Failure::Row(Step::Fills, row))?;
                    self.kernel.write(fill.offset, bytes).map_err(failed)?;
                }
            }
            self.kernel.close(frame, first.page_bits).map_err(failed)?;
            row += group.len();
        }
        Ok(())
    }

    fn mapping(&mut self, mapping: &Mapping) -> Result<(), K::Error> {
        let vspace = self.slot(mapping.vspace);
        for n in 0..mapping.count {
            let copy = self.fresh();
            let frame = self.slot(mapping.frame + n);
            self.kernel.copy(frame, copy, ALL, 0)?;
            let vaddr = mapping.vaddr + (u64::from(n) << mapping.page_bits);
            self.kernel.map(
                vspace,
                copy,
                vaddr,
                mapping.rights,
                mapping.attributes.into(),
            )?;
        }
        Ok(())
    }

    fn thread(&mut self, thread: &Thread, monitor: u32) -> Result<(), K::Error> {
        let endpoint = if thread.fault_endpoint == NONE {
            monitor
        } else {
            thread.fault_endpoint
        };
        let fault = self.fresh();
        let endpoint = self.slot(endpoint);
        self.kernel.copy(endpoint, fault, ALL, thread.fault_badge)?;
        if thread.domain != NONE {
            let tcb = self.slot(thread.tcb);
            self.kernel.set_domain(tcb, thread.domain)?;
        }
        let base = self.base;
        self.kernel
            .configure(thread, &|number| base + Slot::from(number), fault)
    }

    fn placement(&mut self, row: usize, placement: &Placement) -> Result<(), Failure<K::Error>> {
        let failed = |e| Failure::Kernel(Step::Placements, row, e);
        let (cnode, bits) = (self.slot(placement.cnode), placement.cnode_bits);
        for n in 0..placement.count {
            let to = u64::from(placement.slot + n);
            // The constants are above all numbers of objects.
            let from = match self.kernel.source(placement.source) {
                Some(slot) => slot,
                None => self.slot(placement.source + n),
            };
            if placement.flags & MOVE != 0 {
                self.kernel
                    .move_into(cnode, bits, to, from)
                    .map_err(failed)?;
            } else {
                self.kernel
                    .copy_into(cnode, bits, to, from, placement.rights, placement.data)
                    .map_err(failed)?;
            }
        }
        Ok(())
    }
}
