// SPDX-License-Identifier: BSD-2-Clause
//! Sorts the rows and writes them as bytes.

use crate::builder::Builder;
use crate::layout::Layout;
use molt_board::Kind;
use molt_system::NONE;
use molt_system::boot::{FIXED, Header, IoPorts, MAGIC, Object, Section, VERSION};
use molt_system::layout::SMALL_PAGE;
use std::collections::BTreeMap;
use zerocopy::{Immutable, IntoBytes};

/// I/O ports of a 16550.
const UART_PORTS: u32 = 8;

/// A packed system.
pub struct Packed {
    pub bytes: Vec<u8>,
    pub objects: usize,
    /// Bytes of memory that the objects take, devices not counted.
    pub memory: u64,
    /// The same by part of the system.
    pub parts: BTreeMap<String, u64>,
    /// The numbers of the regions' first frames.
    pub regions: Vec<u32>,
}

fn section<T: IntoBytes + Immutable>(bytes: &mut Vec<u8>, rows: &[T]) -> Section {
    let offset = bytes.len().next_multiple_of(8);
    bytes.resize(offset, 0);
    bytes.extend_from_slice(rows.as_bytes());
    Section {
        offset: offset as u64,
        count: rows.len() as u64,
    }
}

/// Sorts the objects: fixed addresses first and rising, the rest by falling size. Then nothing is lost to alignment, and
/// objects that have to be contiguous come before those that fit anywhere.
fn order(objects: &mut [Object]) {
    objects.sort_by_key(|o| {
        let fixed = o.flags & FIXED != 0;
        (
            !fixed,
            if fixed { o.paddr } else { 0 },
            std::cmp::Reverse((o.memory_bits, o.count)),
            o.first,
        )
    });
}

/// Packs everything.
pub fn pack(mut layout: Layout) -> Packed {
    let regions = layout.regions.iter().map(|frames| frames.first).collect();
    let (uart, uart_port) = uart(&mut layout);
    let (monitor_endpoint, monitor_reply) = (layout.monitor_endpoint, layout.monitor_reply);
    let uart_kind = layout.uart.kind as u32;
    let parts = layout.b.memory();
    let Builder {
        mut objects,
        irqs,
        io_ports,
        io_spaces,
        mut io_tables,
        io_mappings,
        mut page_tables,
        mut fills,
        mappings,
        threads,
        domain_schedule,
        domain_start,
        placements,
        blob,
        next,
        ..
    } = layout.b;
    order(&mut objects);
    // An upper table must be there before a lower one within what it translates: those of one range were made in that
    // order, which a sort by number keeps.
    page_tables.sort_by_key(|t| t.table);
    fills.sort_by_key(|f| f.frame);
    io_tables.sort_by_key(|t| t.table);

    let mut bytes = vec![0; size_of::<Header>()];
    let mut header = Header {
        magic: MAGIC,
        version: VERSION,
        slots: next.into(),
        monitor_endpoint,
        monitor_reply,
        uart,
        uart_kind,
        uart_port,
        objects: section(&mut bytes, &objects),
        irqs: section(&mut bytes, &irqs),
        io_ports: section(&mut bytes, &io_ports),
        io_spaces: section(&mut bytes, &io_spaces),
        page_tables: section(&mut bytes, &page_tables),
        fills: section(&mut bytes, &fills),
        mappings: section(&mut bytes, &mappings),
        io_tables: section(&mut bytes, &io_tables),
        io_mappings: section(&mut bytes, &io_mappings),
        threads: section(&mut bytes, &threads),
        domain_schedule: section(&mut bytes, &domain_schedule),
        domain_start,
        placements: section(&mut bytes, &placements),
        ..Header::default()
    };
    let start = bytes.len().next_multiple_of(0x1000);
    bytes.resize(start, 0);
    bytes.extend_from_slice(blob.bytes());
    header.blob = Section {
        offset: start as u64,
        count: blob.bytes().len() as u64,
    };
    header.size = bytes.len() as u64;
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());

    Packed {
        bytes,
        objects: next as usize,
        memory: parts.values().sum(),
        parts,
        regions,
    }
}

/// The board's UART, for `monitor`'s own messages: its frame, or its I/O ports and the first of them.
fn uart(layout: &mut Layout) -> (u32, u64) {
    match layout.uart.kind {
        Kind::Ns16550 => (uart_ports(layout), layout.uart.address),
        _ => (uart_frame(layout), 0),
    }
}

/// The ports of a PD that has them, or new ones.
fn uart_ports(layout: &mut Layout) -> u32 {
    let address = layout.uart.address as u32;
    let mut rows = layout.b.io_ports.iter();
    if let Some(row) = rows.find(|row| (row.first..=row.last).contains(&address)) {
        return row.ports;
    }
    let ports = layout.b.numbers(1);
    layout.b.io_ports.push(IoPorts {
        first: address,
        last: address + UART_PORTS - 1,
        ports,
        reserved: 0,
    });
    ports
}

/// The frame of the region that contains the UART, or a new one.
fn uart_frame(layout: &mut Layout) -> u32 {
    let address = layout.uart.address & !(SMALL_PAGE - 1);
    let page = address..address + SMALL_PAGE;
    if !layout.configuration.platform.has(&page) {
        return NONE;
    }
    for (region, frames) in layout.system.regions.iter().zip(&layout.regions) {
        let inside = region
            .phys_addr
            .and_then(|start| address.checked_sub(start));
        match inside.filter(|offset| *offset < region.size) {
            Some(offset) if region.page_size == SMALL_PAGE => {
                return frames.first + (offset / SMALL_PAGE) as u32;
            }
            // A large page: `monitor` has no place for it.
            Some(_) => return NONE,
            None => {}
        }
    }
    layout.b.frames(SMALL_PAGE, 12, Some(address)).first
}
