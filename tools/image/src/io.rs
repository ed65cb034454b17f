// SPDX-License-Identifier: BSD-2-Clause
//! Devices' address spaces: their tables, and what is mapped in them for good.
//!
//! Three levels of tables translate 39 bits of a device's addresses (VT-d 3.4.2.2). Revocable regions are mapped by `update`.

use crate::builder::Builder;
use crate::layout::Layout;
use crate::space::rights;
use molt_sdf::model::IoMap;
use molt_system::boot::{IoMapping, IoSpace, IoTable, Kind};
use std::collections::BTreeMap;

/// log2 of the bytes that a table of the second level translates, and one of the third.
const SECOND: u32 = 30;
const THIRD: u32 = 21;

/// A laid out address space.
pub struct Space {
    /// Number of its capability.
    pub space: u32,
    /// Its tables of the second level, by the first address that each translates.
    pub second: BTreeMap<u64, u32>,
    third: BTreeMap<u64, u32>,
}

impl Space {
    fn make(b: &mut Builder, device: u16, domain: u64) -> Self {
        let space = b.numbers(1);
        b.io_spaces.push(IoSpace {
            device: device.into(),
            domain: domain as u32,
            space,
            reserved: 0,
        });
        table(b, space, 0);
        Space {
            space,
            second: BTreeMap::new(),
            third: BTreeMap::new(),
        }
    }

    fn reserve(&mut self, b: &mut Builder, address: u64, size: u64) {
        let mut at = address >> THIRD << THIRD;
        while at < address + size {
            for (bits, tables) in [(SECOND, &mut self.second), (THIRD, &mut self.third)] {
                let base = at >> bits << bits;
                tables
                    .entry(base)
                    .or_insert_with(|| table(b, self.space, base));
            }
            at += 1 << THIRD;
        }
    }
}

fn table(b: &mut Builder, space: u32, address: u64) -> u32 {
    let table = b.make(Kind::IoPageTable, 0, 1);
    b.io_tables.push(IoTable {
        space,
        table,
        address,
    });
    table
}

/// Lays out all of them, in the order of the description.
pub fn lay_out(layout: &mut Layout) {
    let system = layout.system;
    for described in &system.io_spaces {
        let mut space = Space::make(&mut layout.b, described.device.0, described.domain);
        for map in &described.maps {
            let frames = layout.regions[map.region];
            space.reserve(&mut layout.b, map.address, frames.size());
            if !system.region(map.region).revocable {
                layout.b.io_mappings.push(IoMapping {
                    space: space.space,
                    frame: frames.first,
                    count: frames.count,
                    rights: rights(map.rights),
                    address: map.address,
                });
            }
        }
        layout.io_spaces.push(space);
    }
}

/// How a region is mapped for the device of a replaceable PD.
pub fn map_of(layout: &Layout, domain: usize, region: usize) -> Option<IoMap> {
    let replaceable = layout.system.domains[domain].replaceable.as_ref()?;
    let space = layout.system.io_spaces.get(replaceable.io_space?)?;
    space.maps.iter().find(|m| m.region == region).cloned()
}
