// SPDX-License-Identifier: BSD-2-Clause
//! Collects the rows of the packed system. Every object is named by its number.

use crate::blob::Blob;
use crate::sizes::Sizes;
use molt_sdf::model::{Irq as DescribedIrq, IrqSource};
use molt_sdk::Arch;
use molt_system::boot::{
    FILL_BLOB, FILL_BOOT_INFO, FILL_COUNTER, FILL_PADDR, FIXED, Fill, IRQ_GIC, IRQ_IOAPIC, IRQ_MSI,
    IoMapping, IoPorts, IoSpace, IoTable, Irq, Kind, MOVE, Mapping, Object, PageTable, Placement,
    ScheduleEntry, Thread,
};
use molt_system::cspace;
use molt_system::{BriefHeader, NONE};
use std::collections::BTreeMap;
use std::mem::offset_of;

/// Rights to signal.
pub const SIGNAL: u32 = 1;
/// Rights to call: write and grant the reply.
pub const CALL: u32 = 9;
/// All rights.
pub const ALL: u32 = 15;

/// A run of frames, side by side in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    pub first: u32,
    pub count: u32,
    pub page_bits: u32,
}

impl Frames {
    pub fn page_size(self) -> u64 {
        1 << self.page_bits
    }

    pub fn size(self) -> u64 {
        u64::from(self.count) << self.page_bits
    }
}

/// Bytes that the image has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    start: u64,
    /// How many, without zeros at the end.
    pub length: u64,
}

/// The rows so far.
pub struct Builder {
    pub arch: Arch,
    pub sizes: Sizes,
    pub next: u32,
    pub objects: Vec<Object>,
    /// The parts of the system, and from which of the objects on they are of each.
    parts: Vec<(usize, String)>,
    pub irqs: Vec<Irq>,
    pub io_ports: Vec<IoPorts>,
    pub io_spaces: Vec<IoSpace>,
    pub io_tables: Vec<IoTable>,
    pub io_mappings: Vec<IoMapping>,
    pub page_tables: Vec<PageTable>,
    pub fills: Vec<Fill>,
    pub mappings: Vec<Mapping>,
    pub threads: Vec<Thread>,
    pub domain_schedule: Vec<ScheduleEntry>,
    pub domain_start: u64,
    pub placements: Vec<Placement>,
    pub blob: Blob,
}

impl Builder {
    pub fn new(arch: Arch, sizes: Sizes) -> Self {
        Builder {
            arch,
            sizes,
            next: 0,
            objects: Vec::new(),
            parts: Vec::new(),
            irqs: Vec::new(),
            io_ports: Vec::new(),
            io_spaces: Vec::new(),
            io_tables: Vec::new(),
            io_mappings: Vec::new(),
            page_tables: Vec::new(),
            fills: Vec::new(),
            mappings: Vec::new(),
            threads: Vec::new(),
            domain_schedule: Vec::new(),
            domain_start: 0,
            placements: Vec::new(),
            blob: Blob::default(),
        }
    }

    /// Counts what is made from now on for this part of the system.
    pub fn part(&mut self, name: impl Into<String>) {
        self.parts.push((self.objects.len(), name.into()));
    }

    /// Bytes of memory that the objects of each part take, by its name; devices are not counted.
    pub fn memory(&self) -> BTreeMap<String, u64> {
        let mut memory = BTreeMap::new();
        let mut parts = self.parts.iter().peekable();
        let mut part = "other";
        for (index, object) in self.objects.iter().enumerate() {
            while let Some((_, name)) = parts.next_if(|(from, _)| *from <= index) {
                part = name;
            }
            if object.flags & FIXED == 0 {
                *memory.entry(part.to_owned()).or_default() +=
                    u64::from(object.count) << object.memory_bits;
            }
        }
        memory
    }

    /// Numbers for objects that are not made of memory.
    pub fn numbers(&mut self, count: u32) -> u32 {
        let first = self.next;
        self.next += count;
        first
    }

    /// `count` objects, side by side in memory; the number of the first.
    pub fn make(&mut self, kind: Kind, size_bits: u32, count: u32) -> u32 {
        let first = self.numbers(count);
        let memory_bits = self.sizes.memory_bits(kind, size_bits);
        self.objects.push(Object {
            kind: kind as u32,
            size_bits,
            count,
            first,
            paddr: 0,
            flags: 0,
            memory_bits,
        });
        first
    }

    /// Frames of a size, anywhere or at a physical address.
    pub fn frames(&mut self, size: u64, page_bits: u32, paddr: Option<u64>) -> Frames {
        let count = u32::try_from(size.div_ceil(1 << page_bits)).unwrap_or(u32::MAX);
        let kind = if page_bits == 21 {
            Kind::LargePage
        } else {
            Kind::SmallPage
        };
        let first = self.make(kind, 0, count);
        if let (Some(paddr), Some(row)) = (paddr, self.objects.last_mut()) {
            (row.paddr, row.flags) = (paddr, FIXED);
        }
        Frames {
            first,
            count,
            page_bits,
        }
    }

    /// The handler of an IRQ that is delivered to a core, bound to a notification if one is given.
    pub fn irq(&mut self, irq: &DescribedIrq, core: u64, bound: Option<(u32, u64)>) -> u32 {
        let handler = self.numbers(1);
        let (notification, badge) = bound.unwrap_or((NONE, 0));
        let (kind, source, vector, low) = match irq.source {
            IrqSource::Gic => (IRQ_GIC, 0, 0, false),
            IrqSource::IoApic { index, low, vector } => (IRQ_IOAPIC, index, vector, low),
            IrqSource::Msi { device, vector } => (IRQ_MSI, device.0.into(), vector, false),
        };
        self.irqs.push(Irq {
            number: irq.number.value as u32,
            edge: irq.edge.into(),
            handler,
            notification,
            badge,
            core: core as u32,
            kind,
            source: source as u32,
            vector: vector as u32,
            low: low.into(),
            reserved: 0,
        });
        handler
    }

    /// Fills `frames` from `offset` on with `bytes`. Returns these bytes as a source of further fills.
    pub fn fill(&mut self, frames: Frames, offset: u64, bytes: &[u8]) -> Source {
        // Zeroes at the end need not be copied: frames are cleared when they are made.
        let used = bytes
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |last| last + 1);
        let start = if used > 0 {
            self.blob.add(&bytes[..used])
        } else {
            0
        };
        let source = Source {
            start,
            length: used as u64,
        };
        self.fill_from(frames, offset, source);
        source
    }

    /// Fills `frames` from `offset` on with what another place was filled with.
    pub fn fill_from(&mut self, frames: Frames, offset: u64, source: Source) {
        let (mut done, used) = (0, source.length);
        while done < used {
            let at = offset + done;
            let inside = at % frames.page_size();
            let length = (frames.page_size() - inside).min(used - done);
            self.fills.push(Fill {
                frame: frames.first + (at / frames.page_size()) as u32,
                page_bits: frames.page_bits,
                offset: inside,
                source: source.start + done,
                length,
                kind: FILL_BLOB,
                reserved: 0,
            });
            done += length;
        }
    }

    /// Fills 8 bytes at `offset` with the physical address of `of`'s first frame.
    pub fn fill_paddr(&mut self, frames: Frames, offset: u64, of: Frames) {
        self.fills.push(Fill {
            frame: frames.first + (offset / frames.page_size()) as u32,
            page_bits: frames.page_bits,
            offset: offset % frames.page_size(),
            source: of.first.into(),
            length: 0,
            kind: FILL_PADDR,
            reserved: 0,
        });
    }

    /// Fills in the counter's frequency in a brief, on machines of which only the kernel knows it.
    pub fn fill_counter(&mut self, brief: Frames) {
        if self.arch == Arch::X86_64 {
            self.fills.push(Fill {
                frame: brief.first,
                page_bits: brief.page_bits,
                offset: offset_of!(BriefHeader, counter_hz) as u64,
                kind: FILL_COUNTER,
                ..Fill::default()
            });
        }
    }

    /// Fills `frames` with what the kernel tells its root task under this number.
    pub fn fill_boot_info(&mut self, frames: Frames, id: u64) {
        for n in 0..frames.count {
            self.fills.push(Fill {
                frame: frames.first + n,
                page_bits: frames.page_bits,
                offset: 0,
                source: id,
                length: u64::from(n) * frames.page_size(),
                kind: FILL_BOOT_INFO,
                reserved: 0,
            });
        }
    }

    /// Copies a capability.
    pub fn place(&mut self, cnode: CNode, slot: u64, source: u32, rights: u32, data: u64) {
        self.placements.push(Placement {
            cnode: cnode.object,
            cnode_bits: cnode.bits,
            slot: slot as u32,
            source,
            count: 1,
            rights,
            data,
            flags: 0,
            reserved: 0,
        });
    }

    /// Moves originals.
    pub fn give(&mut self, cnode: CNode, slot: u64, source: u32, count: u32) {
        self.placements.push(Placement {
            cnode: cnode.object,
            cnode_bits: cnode.bits,
            slot: slot as u32,
            source,
            count,
            rights: ALL,
            data: 0,
            flags: MOVE,
            reserved: 0,
        });
    }
}

/// A CNode that capabilities are put into.
#[derive(Clone, Copy, Debug)]
pub struct CNode {
    pub object: u32,
    pub bits: u32,
}

impl CNode {
    pub fn make(b: &mut Builder, bits: u32) -> Self {
        CNode {
            object: b.make(Kind::CNode, bits, 1),
            bits,
        }
    }
}

/// A PD's CSpace.
#[derive(Clone, Copy, Debug)]
pub struct CSpace {
    pub root: CNode,
    pub microkit: CNode,
}

impl CSpace {
    pub fn make(b: &mut Builder) -> Self {
        let cspace = CSpace {
            root: CNode::make(b, cspace::ROOT_BITS),
            microkit: CNode::make(b, cspace::MICROKIT_BITS),
        };
        b.place(
            cspace.root,
            0,
            cspace.microkit.object,
            ALL,
            cspace::guard(cspace::MICROKIT_GUARD),
        );
        cspace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_sdk::Tables;

    #[test]
    fn memory_is_told_by_part_and_devices_are_not() {
        let sizes = Sizes::new(&Tables::embedded().unwrap()).unwrap();
        let mut b = Builder::new(Arch::Aarch64, sizes);
        b.part("a");
        b.frames(0x3000, 12, None);
        b.frames(0x1000, 12, Some(0x900_0000));
        b.part("nothing");
        b.part("b");
        b.frames(0x1000, 12, None);
        b.part("a");
        b.frames(0x20_0000, 21, None);
        let expected = [("a", 0x20_3000), ("b", 0x1000)];
        let expected = expected.map(|(part, bytes)| (part.to_owned(), bytes));
        assert_eq!(b.memory(), BTreeMap::from(expected));
    }
}
