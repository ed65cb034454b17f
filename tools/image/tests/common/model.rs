// SPDX-License-Identifier: BSD-2-Clause
//! A model of a kernel that refuses what seL4 refuses, for the invocations that `monitor`'s walk makes.

use molt_monitor::{Kernel, Memory, Slot, walk};
use molt_system::NONE;
use molt_system::boot::{IoPorts, IoSpace, Irq, Kind, ScheduleEntry, System, Thread};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

/// The first empty slot of the root task.
pub const FIRST: Slot = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    pub kind: Option<Kind>,
    /// The number of the object: the slot it was made in.
    pub object: Slot,
    pub rights: u32,
    pub data: u64,
    pub original: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub frame: Slot,
    pub rights: u32,
    pub attributes: u64,
}

#[derive(Default)]
pub struct Model {
    pub slots: BTreeMap<Slot, Cap>,
    pub cnodes: BTreeMap<Slot, BTreeMap<u64, Cap>>,
    pub tables: BTreeMap<Slot, BTreeSet<(u32, u64)>>,
    pub spaces: BTreeMap<Slot, BTreeMap<u64, Mapped>>,
    pub mapped: BTreeSet<Slot>,
    pub paddrs: BTreeMap<Slot, u64>,
    pub contents: BTreeMap<Slot, BTreeMap<u64, u8>>,
    pub open: Option<Slot>,
    pub bound: BTreeMap<Slot, (Slot, u64)>,
    pub threads: BTreeMap<Slot, (Thread, Cap)>,
    pub resumed: BTreeSet<Slot>,
    pub domains: BTreeMap<Slot, u32>,
    pub schedule: BTreeMap<u32, ScheduleEntry>,
    /// Where interrupts are delivered.
    pub cores: BTreeMap<u32, u32>,
    pub started: Option<u64>,
    used: BTreeMap<usize, u64>,
    untypeds: Vec<(u64, u32, bool)>,
}

/// What the embedded kernel hands out, devices first; of RAM it keeps both ends.
const HANDED_OUT: [(Range<u64>, bool); 6] = [
    (0..0x800_0000, true),
    (0x800_1000..0x801_0000, true),
    (0x801_1000..0x803_0000, true),
    (0x803_1000..0x6000_0000, true),
    (0xc000_0000..1 << 40, true),
    (0x6080_0000..0xbe00_0000, false),
];
/// Its interrupts, and those of them that it keeps.
const INTERRUPTS: u32 = 160;
const KEPT: Range<u32> = 25..28;
/// Slots of the root task.
const SLOTS: Slot = 1 << 17;
/// Microseconds: twice the kernel's worst time; an eighth of 2^64 ticks at 62.5 MHz.
const BUDGETS: RangeInclusive<u64> = 20..=u64::MAX / 8 / 63;

/// Ranges in aligned powers of two.
fn untypeds() -> Vec<(u64, u32, bool)> {
    let mut all = Vec::new();
    for (range, device) in HANDED_OUT {
        let mut base = range.start;
        while base < range.end {
            let largest = (range.end - base).ilog2();
            let bits = if base == 0 {
                largest
            } else {
                largest.min(base.trailing_zeros())
            };
            all.push((base, bits, device));
            base += 1 << bits;
        }
    }
    all
}

impl Model {
    /// Walks a packed system.
    pub fn run(packed: &[u8]) -> Model {
        let system = System::new(packed).expect("a packed system");
        let mut memory = Memory::default();
        let mut model = Model {
            untypeds: untypeds(),
            ..Model::default()
        };
        for (paddr, bits, device) in &model.untypeds {
            memory.add(*paddr, *bits, *device);
        }
        walk(&mut model, &mut memory, &system, FIRST, |_, _, _| {})
            .unwrap_or_else(|failure| panic!("{failure}"));
        model
    }

    fn take(&self, slot: Slot) -> Result<&Cap, String> {
        self.slots
            .get(&slot)
            .ok_or_else(|| format!("slot {slot} is empty"))
    }

    fn expect(&self, slot: Slot, kind: Kind) -> Result<&Cap, String> {
        let cap = self.take(slot)?;
        if cap.kind == Some(kind) {
            Ok(cap)
        } else {
            Err(format!("slot {slot} holds {cap:?}, not {kind:?}"))
        }
    }

    fn put(&mut self, slot: Slot, cap: Cap) -> Result<(), String> {
        if slot >= SLOTS {
            return Err(format!("FailedLookup: slot {slot}"));
        }
        match self.slots.insert(slot, cap) {
            None => Ok(()),
            Some(old) => Err(format!("DeleteFirst: slot {slot} holds {old:?}")),
        }
    }

    fn page_bits(cap: &Cap) -> Option<u32> {
        match cap.kind {
            Some(Kind::SmallPage) => Some(12),
            Some(Kind::LargePage) => Some(21),
            _ => None,
        }
    }
}

/// log2 of the bytes of an object.
fn bits_of(kind: Kind, size_bits: u32) -> u32 {
    match kind {
        Kind::Untyped | Kind::SchedContext => size_bits,
        Kind::Tcb => 11,
        Kind::Endpoint => 4,
        Kind::Notification => 6,
        Kind::CNode => size_bits + 5,
        Kind::Reply => 5,
        Kind::VSpace => 13,
        Kind::LargePage => 21,
        _ => 12,
    }
}

impl Kernel for Model {
    const FAN_OUT: u64 = 256;

    type BootInfo = Vec<u8>;
    type Error = String;

    fn retype(
        &mut self,
        untyped: usize,
        kind: Kind,
        size_bits: u32,
        first: Slot,
        count: u64,
    ) -> Result<(), String> {
        let (base, bits, device) = self.untypeds[untyped];
        let used = self.used.entry(untyped).or_default();
        let size = 1u64 << bits_of(kind, size_bits);
        let start = used.next_multiple_of(size);
        if count > 256 || start + size * count > 1 << bits {
            return Err(format!(
                "NotEnoughMemory: {count} of {kind:?} in untyped {untyped}"
            ));
        }
        if device && !matches!(kind, Kind::Untyped | Kind::SmallPage | Kind::LargePage) {
            return Err(format!("{kind:?} of device memory"));
        }
        *used = start + size * count;
        for n in 0..count {
            let slot = first + n;
            self.paddrs.insert(slot, base + start + n * size);
            self.put(
                slot,
                Cap {
                    kind: Some(kind),
                    object: slot,
                    rights: 15,
                    data: 0,
                    original: true,
                },
            )?;
            if kind == Kind::CNode {
                self.cnodes.insert(slot, BTreeMap::new());
            }
        }
        Ok(())
    }

    fn make_asid_pool(&mut self, untyped: Slot, pool: Slot) -> Result<(), String> {
        self.expect(untyped, Kind::Untyped)?;
        self.put(
            pool,
            Cap {
                kind: Some(Kind::AsidPool),
                object: pool,
                rights: 15,
                data: 0,
                original: true,
            },
        )
    }

    fn assign_asid(&mut self, vspace: Slot) -> Result<(), String> {
        self.expect(vspace, Kind::VSpace)?;
        self.spaces.insert(vspace, BTreeMap::new());
        Ok(())
    }

    fn io_ports(&mut self, row: &IoPorts, _: Slot) -> Result<(), String> {
        Err(format!("I/O ports on AArch64: {row:?}"))
    }

    fn io_space(
        &mut self,
        row: &IoSpace,
        _: Slot,
        _: &mut Memory,
        _: &mut Slot,
    ) -> Result<(), String> {
        Err(format!("a device's address space on AArch64: {row:?}"))
    }

    fn map_io_table(&mut self, _: Slot, _: Slot, address: u64) -> Result<(), String> {
        Err(format!("a table of I/O on AArch64: {address:#x}"))
    }

    fn map_io(&mut self, _: Slot, _: Slot, address: u64, _: u32) -> Result<(), String> {
        Err(format!("a mapping of I/O on AArch64: {address:#x}"))
    }

    /// More than a small page.
    fn boot_info(&self, id: u64) -> Vec<u8> {
        vec![id as u8; 5000]
    }

    fn counter_hz(&mut self) -> u64 {
        0
    }

    fn irq_handler(&mut self, irq: &Irq, handler: Slot) -> Result<(), String> {
        let number = irq.number;
        if number >= INTERRUPTS || KEPT.contains(&number) {
            return Err(format!("RangeError or RevokeFirst: interrupt {number}"));
        }
        self.cores.insert(number, irq.core);
        self.put(
            handler,
            Cap {
                kind: None,
                object: handler,
                rights: 15,
                data: 0,
                original: true,
            },
        )
    }

    fn irq_bind(&mut self, handler: Slot, notification: Slot) -> Result<(), String> {
        let cap = self.expect(notification, Kind::Notification)?;
        let bound = (cap.object, cap.data);
        self.bound.insert(handler, bound);
        Ok(())
    }

    fn map_table(
        &mut self,
        vspace: Slot,
        table: Slot,
        vaddr: u64,
        bits: u32,
    ) -> Result<(), String> {
        self.expect(table, Kind::PageTable)?;
        let tables = self.tables.entry(vspace).or_default();
        // The kernel maps it at the highest level that misses one.
        let level = if tables.contains(&(30, vaddr >> 30)) {
            21
        } else {
            30
        };
        if level != bits {
            return Err(format!(
                "a table of {bits} bits mapped at a level of {level}"
            ));
        }
        if !tables.insert((level, vaddr >> level)) {
            return Err(format!(
                "DeleteFirst: a table at {vaddr:#x} of {vspace} is there"
            ));
        }
        Ok(())
    }

    fn map(
        &mut self,
        vspace: Slot,
        frame: Slot,
        vaddr: u64,
        rights: u32,
        attributes: u64,
    ) -> Result<(), String> {
        let cap = self.take(frame)?.clone();
        let bits = Self::page_bits(&cap).ok_or("not a frame")?;
        let tables = self.tables.get(&vspace).ok_or("FailedLookup")?;
        let needed = if bits == 12 {
            tables.contains(&(21, vaddr >> 21))
        } else {
            tables.contains(&(30, vaddr >> 30))
        };
        if !needed || !vaddr.is_multiple_of(1 << bits) {
            return Err(format!("FailedLookup or alignment at {vaddr:#x}"));
        }
        if !self.mapped.insert(frame) {
            return Err(format!("the capability in slot {frame} is mapped already"));
        }
        let space = self
            .spaces
            .get_mut(&vspace)
            .ok_or("a VSpace without an ASID")?;
        let before = space.range(..=vaddr).next_back().is_some_and(|(at, old)| {
            let old_bits = if self.slots.get(&old.frame).and_then(Self::page_bits) == Some(21) {
                21
            } else {
                12
            };
            at + (1 << old_bits) > vaddr
        });
        let after = space.range(vaddr..vaddr + (1 << bits)).next().is_some();
        if before || after {
            return Err(format!("two mappings at {vaddr:#x} of {vspace}"));
        }
        space.insert(
            vaddr,
            Mapped {
                frame: cap.object,
                rights: rights & cap.rights,
                attributes,
            },
        );
        Ok(())
    }

    fn address(&mut self, frame: Slot) -> Result<u64, String> {
        let object = self.take(frame)?.object;
        self.paddrs
            .get(&object)
            .copied()
            .ok_or_else(|| "no frame".to_owned())
    }

    fn open(&mut self, frame: Slot, _: u32) -> Result<(), String> {
        let paddr = self.paddrs.get(&frame).copied().unwrap_or_default();
        let ram = |(range, device): &(Range<u64>, bool)| !device && range.contains(&paddr);
        if !HANDED_OUT.iter().any(ram) {
            return Err(format!(
                "IllegalOperation: caches of device memory at {paddr:#x}"
            ));
        }
        match self.open.replace(frame) {
            None => Ok(()),
            Some(other) => Err(format!("{other} is open")),
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), String> {
        let frame = self.open.ok_or("nothing is open")?;
        let bits = Self::page_bits(self.take(frame)?).ok_or("not a frame")?;
        if offset + bytes.len() as u64 > 1 << bits {
            return Err(format!("beyond the frame {frame}"));
        }
        let contents = self.contents.entry(frame).or_default();
        bytes.iter().zip(offset..).for_each(|(byte, at)| {
            contents.insert(at, *byte);
        });
        Ok(())
    }

    fn close(&mut self, frame: Slot, _: u32) -> Result<(), String> {
        if self.open.take() == Some(frame) {
            Ok(())
        } else {
            Err("not open".to_owned())
        }
    }

    fn copy(&mut self, from: Slot, to: Slot, rights: u32, data: u64) -> Result<(), String> {
        let mut cap = self.take(from)?.clone();
        (cap.rights, cap.original) = (cap.rights & rights, false);
        cap.data = if data == 0 { cap.data } else { data };
        self.put(to, cap)
    }

    fn copy_into(
        &mut self,
        cnode: Slot,
        bits: u32,
        to: u64,
        from: Slot,
        rights: u32,
        data: u64,
    ) -> Result<(), String> {
        let mut cap = self.take(from)?.clone();
        if cap.kind == Some(Kind::Untyped) {
            return Err("a copy of an untyped".to_owned());
        }
        (cap.rights, cap.original, cap.data) = (cap.rights & rights, false, data);
        let slots = self.cnodes.get_mut(&cnode).ok_or("not a CNode")?;
        if to >= 1 << bits || slots.insert(to, cap).is_some() {
            return Err(format!("slot {to} of CNode {cnode}"));
        }
        Ok(())
    }

    fn move_into(&mut self, cnode: Slot, bits: u32, to: u64, from: Slot) -> Result<(), String> {
        let cap = self
            .slots
            .remove(&from)
            .ok_or_else(|| format!("slot {from} is empty"))?;
        let slots = self.cnodes.get_mut(&cnode).ok_or("not a CNode")?;
        if to >= 1 << bits || slots.insert(to, cap).is_some() {
            return Err(format!("slot {to} of CNode {cnode}"));
        }
        Ok(())
    }

    fn source(&mut self, constant: u32) -> Option<Slot> {
        (constant >= 0xffff_ff00).then(|| {
            let slot = 500;
            self.slots.entry(slot).or_insert(Cap {
                kind: None,
                object: slot,
                rights: 15,
                data: 0,
                original: false,
            });
            slot
        })
    }

    fn configure(
        &mut self,
        thread: &Thread,
        slot: &dyn Fn(u32) -> Slot,
        fault: Slot,
    ) -> Result<(), String> {
        let (budget, period) = (thread.budget_us, thread.period_us);
        if !BUDGETS.contains(&budget) || !BUDGETS.contains(&period) || budget > period {
            return Err(format!("RangeError: budget {budget}, period {period}"));
        }
        self.expect(slot(thread.tcb), Kind::Tcb)?;
        self.expect(slot(thread.sc), Kind::SchedContext)?;
        self.expect(slot(thread.cspace), Kind::CNode)?;
        self.expect(slot(thread.ipc_frame), Kind::SmallPage)?;
        if thread.vcpu != NONE {
            self.expect(slot(thread.vcpu), Kind::Vcpu)?;
        }
        let fault = self.expect(fault, Kind::Endpoint)?.clone();
        self.threads.insert(slot(thread.tcb), (*thread, fault));
        Ok(())
    }

    fn set_domain(&mut self, tcb: Slot, domain: u32) -> Result<(), String> {
        self.expect(tcb, Kind::Tcb)?;
        self.domains.insert(tcb, domain);
        Ok(())
    }

    fn schedule(&mut self, entry: &ScheduleEntry) -> Result<(), String> {
        // Entry 0 is where the kernel starts as long as it is told nothing else.
        if entry.ticks == 0 && (entry.domain != 0 || entry.index == 0) {
            return Err(format!("InvalidArgument: {entry:?}"));
        }
        self.schedule.insert(entry.index, *entry);
        Ok(())
    }

    fn start_schedule(&mut self, index: u64) -> Result<(), String> {
        let entry = u32::try_from(index)
            .ok()
            .and_then(|i| self.schedule.get(&i));
        if entry.is_none_or(|entry| entry.ticks == 0) || self.resumed.len() < self.domains.len() {
            return Err(format!("start at {index}"));
        }
        self.started = Some(index);
        Ok(())
    }

    fn resume(&mut self, tcb: Slot) -> Result<(), String> {
        if self.threads.contains_key(&tcb) && self.resumed.insert(tcb) {
            Ok(())
        } else {
            Err("resume".to_owned())
        }
    }
}
