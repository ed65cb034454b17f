// SPDX-License-Identifier: BSD-2-Clause
//! The rows, put in order and made into bytes.

use crate::builder::Builder;
use crate::layout::Layout;
use molt_system::boot::{FIXED, Header, MAGIC, Object, Section, VERSION};
use zerocopy::{Immutable, IntoBytes};

/// A packed system.
pub struct Packed {
    pub bytes: Vec<u8>,
    pub objects: usize,
    /// Bytes of memory that the objects take, devices not counted.
    pub memory: u64,
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

/// Fixed addresses first and rising, the rest by falling size: nothing is then lost to alignment.
fn order(objects: &mut [Object]) {
    objects.sort_by_key(|o| {
        let fixed = o.flags & FIXED != 0;
        (
            !fixed,
            if fixed { o.paddr } else { 0 },
            std::cmp::Reverse(o.memory_bits),
            o.first,
        )
    });
}

/// Packs everything.
pub fn pack(layout: Layout) -> Packed {
    let (monitor_endpoint, monitor_reply) = (layout.monitor_endpoint, layout.monitor_reply);
    let (uart_frame, uart_kind) = (uart(&layout), layout.uart.kind as u32);
    let Builder {
        mut objects,
        irqs,
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
    // An upper page table covers an aligned gibibyte and must be there before a lower one within it: both kinds of one
    // range were made in that order, which a sort by number keeps.
    page_tables.sort_by_key(|t| t.table);
    fills.sort_by_key(|f| f.frame);

    let mut bytes = vec![0; size_of::<Header>()];
    let mut header = Header {
        magic: MAGIC,
        version: VERSION,
        slots: next.into(),
        monitor_endpoint,
        monitor_reply,
        uart_frame,
        uart_kind,
        objects: section(&mut bytes, &objects),
        irqs: section(&mut bytes, &irqs),
        page_tables: section(&mut bytes, &page_tables),
        fills: section(&mut bytes, &fills),
        mappings: section(&mut bytes, &mappings),
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

    let anywhere = objects.iter().filter(|o| o.flags & FIXED == 0);
    let memory = anywhere.map(|o| u64::from(o.count) << o.memory_bits).sum();
    Packed {
        bytes,
        objects: next as usize,
        memory,
    }
}

/// The frame of the UART, where some PD drives one: for `monitor`'s own last words.
fn uart(layout: &Layout) -> u32 {
    let serial = layout.system.role(molt_sdf::model::Role::Serial);
    let mut maps = serial.iter().flat_map(|s| &layout.system.domains[*s].maps);
    let map = maps.find(|m| layout.system.region(m.region).phys_addr.is_some());
    map.map_or(molt_system::NONE, |m| layout.regions[m.region].first)
}
