// SPDX-License-Identifier: BSD-2-Clause
//! Address spaces: mappings, and the page tables that they need.
//!
//! A VSpace on AArch64 translates 40 bits: a root of 1024 entries of 1 GiB, then two levels of page tables of 512 entries
//! each (2 MiB and 4 KiB). On x86_64 there is one level more, of 512 entries of 512 GiB at the root.

use crate::builder::{Builder, Frames};
use molt_sdf::model::Rights;
use molt_sdk::Arch;
use molt_system::boot::{Kind, Mapping, PageTable};
use molt_system::layout::{SMALL_PAGE, TOOL_AREA};
use std::collections::BTreeSet;

/// One address space.
pub struct Space {
    pub vspace: u32,
    tables: BTreeSet<(u32, u64)>,
    next_tool: u64,
}

/// CapRights of a mapping.
pub fn rights(rights: Rights) -> u32 {
    u32::from(rights.write) | u32::from(rights.read || rights.execute) << 1
}

/// VM attributes of a mapping. AArch64: 1 cacheable, 2 parity, 4 execute-never. x86_64: 0 write-back, 2 cache disabled; there
/// is none against instruction fetches.
pub fn attributes(arch: Arch, rights: Rights, cached: bool) -> u32 {
    match arch {
        Arch::Aarch64 => 2 | u32::from(cached) | u32::from(!rights.execute) << 2,
        Arch::X86_64 => u32::from(!cached) << 1,
    }
}

/// Translation tables below the first one, upper ones first: log2 of the bytes that one translates.
fn tables(arch: Arch) -> &'static [(u32, Kind)] {
    match arch {
        Arch::Aarch64 => &[(30, Kind::PageTable), (21, Kind::PageTable)],
        Arch::X86_64 => &[
            (39, Kind::Pdpt),
            (30, Kind::PageDirectory),
            (21, Kind::PageTable),
        ],
    }
}

/// Data, read-write.
pub const DATA: Rights = Rights {
    read: true,
    write: true,
    execute: false,
};
/// Data, read only.
pub const CONSTANT: Rights = Rights {
    read: true,
    write: false,
    execute: false,
};

impl Space {
    pub fn make(b: &mut Builder) -> Self {
        Space {
            vspace: b.make(Kind::VSpace, 0, 1),
            tables: BTreeSet::new(),
            next_tool: TOOL_AREA,
        }
    }

    /// Page tables for a range of pages of a size.
    pub fn reserve(&mut self, b: &mut Builder, vaddr: u64, size: u64, page_bits: u32) {
        let levels = tables(b.arch).iter().filter(|(bits, _)| page_bits < *bits);
        for (bits, kind) in levels {
            let mut base = vaddr >> bits << bits;
            while base < vaddr + size {
                if self.tables.insert((*bits, base)) {
                    let table = b.make(*kind, 0, 1);
                    b.page_tables.push(PageTable {
                        vspace: self.vspace,
                        table,
                        vaddr: base,
                        bits: *bits,
                        reserved: 0,
                    });
                }
                base += 1 << bits;
            }
        }
    }

    /// Maps frames, with the page tables that they need.
    pub fn map(
        &mut self,
        b: &mut Builder,
        frames: Frames,
        vaddr: u64,
        access: Rights,
        cached: bool,
    ) {
        self.reserve(b, vaddr, frames.size(), frames.page_bits);
        b.mappings.push(Mapping {
            vspace: self.vspace,
            frame: frames.first,
            count: frames.count,
            page_bits: frames.page_bits,
            vaddr,
            rights: rights(access),
            attributes: attributes(b.arch, access, cached),
        });
    }

    /// A free range of the tool's area, aligned to the pages' size, an unmapped page before and behind it.
    pub fn tool_range(&mut self, size: u64, page_bits: u32) -> u64 {
        let vaddr = (self.next_tool + SMALL_PAGE).next_multiple_of(1 << page_bits);
        self.next_tool = vaddr + size;
        vaddr
    }

    /// Maps frames in the tool's area.
    pub fn map_tool(&mut self, b: &mut Builder, frames: Frames, access: Rights) -> u64 {
        let vaddr = self.tool_range(frames.size(), frames.page_bits);
        self.map(b, frames, vaddr, access, true);
        vaddr
    }

    /// Whether the tool added pages to it.
    pub fn has_tool_area(&self) -> bool {
        self.next_tool != TOOL_AREA
    }
}
