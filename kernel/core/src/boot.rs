// SPDX-License-Identifier: BSD-2-Clause
//! Makes the first thread: its address space, its capabilities, and the BootInfo that describes them.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    boot_input::{BootError, BootInput},
    cap::{Cap, FrameSize, READ, WRITE},
    descriptor,
    error::Error,
    hardware::Hardware,
    kernel::Kernel,
    objects::{IrqLine, State, TCB_BUFFER, TCB_CSPACE, TCB_VSPACE},
    pool::{HeapFull, Pool},
    refill::{Limits, MIN_REFILLS},
    schedule::{Action, Scheduler},
    scheduling_context::WORST_US,
    slots::{SlotRef, Slots},
    untyped::ObjectType,
};

const PAGE: u64 = 4096;
/// log2 of the root CNode's slots.
const ROOT_RADIX: u8 = 17;
/// The first thread's slice, microseconds.
const SLICE_US: u64 = 5000;
/// Fixed slots of the root CNode.
const SLOT_TCB: u32 = 1;
const SLOT_CNODE: u32 = 2;
const SLOT_VSPACE: u32 = 3;
const SLOT_IRQ_CONTROL: u32 = 4;
const SLOT_ASID_CONTROL: u32 = 5;
const SLOT_ASID_POOL: u32 = 6;
const SLOT_BOOT_INFO: u32 = 9;
const SLOT_BUFFER: u32 = 10;
const SLOT_SCHED_CONTEXT: u32 = 14;
const SLOT_FIRST: u32 = 16;
/// Most entries of the BootInfo's list.
const MAX_UNTYPEDS: u32 = 230;
/// Bytes of image for each byte of page tables: one table for 2 MiB.
const PER_TABLE: u64 = 512;
/// Byte offsets in the BootInfo.
const INFO_NODES: u64 = 16;
const INFO_BUFFER: u64 = 32;
const INFO_EMPTY: u64 = 40;
const INFO_FRAMES: u64 = 72;
const INFO_PAGING: u64 = 88;
const INFO_CNODE_BITS: u64 = 136;
const INFO_SCHED_CONTROL: u64 = 152;
const INFO_UNTYPED: u64 = 168;
const INFO_UNTYPED_LIST: u64 = 184;

impl From<HeapFull> for BootError {
    fn from(_: HeapFull) -> Self {
        BootError::NoHeap
    }
}

impl From<Error> for BootError {
    fn from(_: Error) -> Self {
        BootError::NoHeap
    }
}

/// Memory for the first thread's own objects, taken from the front of a RAM range.
struct Cutter {
    range: Range<u64>,
}

impl Cutter {
    fn take<H: Hardware>(&mut self, hw: &mut H, bytes: u64) -> Result<u64, BootError> {
        let at = self.range.start.next_multiple_of(bytes);
        if self.range.end < at + bytes {
            return Err(BootError::NoMemory);
        }
        self.range.start = at + bytes;
        for page in (at..at + bytes).step_by(PAGE as usize) {
            hw.clear(page, PAGE);
        }
        Ok(at)
    }
}

/// The state of the boot: where the next capability goes.
struct Boot<'a, H: Hardware> {
    kernel: &'a mut Kernel<H>,
    cutter: Cutter,
    root: u32,
    next: u32,
    vspace: u64,
    asid: u16,
}

impl<H: Hardware> Kernel<H> {
    /// Make the system's first state: the root task is what runs next.
    pub fn boot(hw: H, input: &BootInput<'_>) -> Result<Self, BootError> {
        let bytes = input.image.end.saturating_sub(input.image.start);
        let aligned = [input.image.start, input.image.end, input.image_vaddr]
            .iter()
            .all(|a| a % PAGE == 0);
        if !aligned || bytes < PAGE {
            return Err(BootError::BadImage);
        }
        // Each page of the image has a slot. The real kernel has the same limit.
        if bytes / PAGE >= (1 << ROOT_RADIX) - u64::from(SLOT_FIRST) {
            return Err(BootError::NoSlots);
        }
        let mut irqs = Vec::new();
        let count = input.irq_count as usize;
        irqs.try_reserve_exact(count).map_err(|_| HeapFull)?;
        irqs.resize(count, IrqLine::Free);
        for irq in input.reserved_irqs {
            if let Some(line) = irqs.get_mut(*irq as usize) {
                *line = IrqLine::Reserved;
            }
        }
        let limits = Limits {
            slack: hw.us_to_ticks(WORST_US),
            min_budget: hw.us_to_ticks(2 * WORST_US),
        };
        let now = hw.now();
        let mut kernel = Kernel {
            hw,
            slots: Slots::new(),
            tcbs: Pool::new(),
            endpoints: Pool::new(),
            notifications: Pool::new(),
            replies: Pool::new(),
            contexts: Pool::new(),
            vcpus: Pool::new(),
            scheduler: Scheduler::new(now, limits),
            current: None,
            irqs,
            irq_table: 0,
            asid_pools: [0; crate::asid::POOLS],
            doomed: Vec::new(),
            steps: 0,
        };
        let irq_radix = usize::BITS - count.max(1).leading_zeros();
        kernel.irq_table = kernel.new_table(0, irq_radix as u8)?;
        let root = kernel.new_table(0, ROOT_RADIX)?;
        // The largest part of the own memory is page tables, and there are some to spare.
        let need = 16 * PAGE + bytes / PER_TABLE;
        let chosen = input
            .ram
            .iter()
            .position(|r| r.end.saturating_sub(r.start) >= need)
            .ok_or(BootError::NoMemory)?;
        let range = input.ram.get(chosen).ok_or(BootError::NoMemory)?.clone();
        let boot = Boot {
            kernel: &mut kernel,
            cutter: Cutter { range },
            root,
            next: SLOT_FIRST,
            vspace: 0,
            asid: 0,
        };
        boot.run(input, chosen)?;
        kernel.leave();
        Ok(kernel)
    }
}

impl<H: Hardware> Boot<'_, H> {
    fn put(&mut self, index: u32, cap: Cap) -> Result<(), BootError> {
        let at = SlotRef {
            table: self.root,
            index,
        };
        self.kernel.slots.prepare(at)?;
        self.kernel.slots.put_root(at, cap);
        Ok(())
    }

    fn append(&mut self, cap: Cap) -> Result<(), BootError> {
        if self.next >> ROOT_RADIX != 0 {
            return Err(BootError::NoSlots);
        }
        self.put(self.next, cap)?;
        self.next += 1;
        Ok(())
    }

    fn page(&mut self, bytes: u64) -> Result<u64, BootError> {
        self.cutter.take(&mut self.kernel.hw, bytes)
    }

    fn run(mut self, input: &BootInput<'_>, chosen: usize) -> Result<(), BootError> {
        let bytes = input.image.end - input.image.start;
        let buffer_vaddr = input.image_vaddr + bytes;
        let info_vaddr = buffer_vaddr + PAGE;
        let end = info_vaddr + PAGE;

        self.vspace = self.page(2 * PAGE)?;
        let pool = self.page(PAGE)?;
        let pool_cap = self.kernel.add_pool(0, pool);
        self.asid = self
            .kernel
            .assign_asid(0, self.vspace)
            .ok_or(BootError::NoMemory)?;
        let info = self.page(PAGE)?;
        let buffer = self.page(PAGE)?;
        let sched_context = self.fixed(pool_cap)?;

        let paging = self.next;
        self.page_tables(input.image_vaddr, end)?;
        let sched_control = self.next;
        self.append(Cap::SchedControl)?;
        let frames = self.next;
        for offset in (0..bytes).step_by(PAGE as usize) {
            let cap = self.map(input.image.start + offset, input.image_vaddr + offset);
            self.append(cap)?;
        }
        let frames_end = self.next;
        let buffer_cap = self.map(buffer, buffer_vaddr);
        self.put(SLOT_BUFFER, buffer_cap)?;
        let info_cap = self.map(info, info_vaddr);
        self.put(SLOT_BOOT_INFO, info_cap)?;

        self.thread(input, buffer_vaddr, info_vaddr, sched_context)?;

        let untypeds = self.next;
        let cut = self.cutter.range.clone();
        for range in input.device {
            self.untypeds(range.clone(), true, info, untypeds)?;
        }
        for (index, range) in input.ram.iter().enumerate() {
            let range = if index == chosen {
                cut.start..range.end
            } else {
                range.clone()
            };
            self.untypeds(range, false, info, untypeds)?;
        }

        let hw = &mut self.kernel.hw;
        let mut write = |offset: u64, value: u64| hw.write_word(info + offset, value);
        let mut region = |offset: u64, start: u32, end: u32| {
            write(offset, u64::from(start));
            write(offset + 8, u64::from(end));
        };
        region(INFO_EMPTY, self.next, 1 << ROOT_RADIX);
        region(INFO_FRAMES, frames, frames_end);
        region(INFO_PAGING, paging, sched_control);
        region(INFO_SCHED_CONTROL, sched_control, sched_control + 1);
        region(INFO_UNTYPED, untypeds, self.next);
        write(INFO_NODES, 1);
        write(INFO_BUFFER, buffer_vaddr);
        write(INFO_CNODE_BITS, u64::from(ROOT_RADIX));
        Ok(())
    }

    /// The capabilities of fixed slots, threads and frames excepted; the scheduling context.
    fn fixed(&mut self, pool: Cap) -> Result<u32, BootError> {
        let root = Cap::CNode {
            id: self.root,
            radix: ROOT_RADIX,
            guard_size: 64 - ROOT_RADIX,
            guard: 0,
        };
        self.put(SLOT_CNODE, root)?;
        let vspace = Cap::VSpace {
            base: self.vspace,
            asid: self.asid,
        };
        self.put(SLOT_VSPACE, vspace)?;
        self.put(SLOT_IRQ_CONTROL, Cap::IrqControl)?;
        self.put(SLOT_ASID_CONTROL, Cap::AsidControl)?;
        self.put(SLOT_ASID_POOL, pool)?;
        let context = self
            .kernel
            .make_object(ObjectType::SchedContext, 7, 0, false)?;
        self.put(SLOT_SCHED_CONTEXT, context)?;
        match context {
            Cap::SchedContext { id } => Ok(id),
            _ => Err(BootError::NoHeap),
        }
    }

    /// The tables that the first thread's addresses need.
    fn page_tables(&mut self, start: u64, end: u64) -> Result<(), BootError> {
        for bits in [30u32, 21] {
            let mut vaddr = start & !((1 << bits) - 1);
            while vaddr < end {
                let table = self.page(PAGE)?;
                self.link(table, vaddr, bits);
                self.append(Cap::PageTable {
                    base: table,
                    vaddr,
                    asid: self.asid,
                })?;
                vaddr += 1 << bits;
            }
        }
        Ok(())
    }

    /// Enter a table that covers 2^bits bytes.
    fn link(&mut self, table: u64, vaddr: u64, bits: u32) {
        let place = self.kernel.entry_place(self.vspace, vaddr, bits);
        self.kernel
            .hw
            .write_descriptor(place, descriptor::table(table));
    }

    /// Map a page of the first thread.
    fn map(&mut self, base: u64, vaddr: u64) -> Cap {
        let place = self.kernel.entry_place(self.vspace, vaddr, 12);
        let value = descriptor::leaf(base, FrameSize::Small, READ | WRITE, 1);
        self.kernel.hw.write_descriptor(place, value);
        Cap::Frame {
            base,
            vaddr,
            asid: self.asid,
            size: FrameSize::Small,
            rights: READ | WRITE,
            device: false,
        }
    }

    fn thread(
        &mut self,
        input: &BootInput<'_>,
        buffer_vaddr: u64,
        info_vaddr: u64,
        sched_context: u32,
    ) -> Result<(), BootError> {
        let cap = self.kernel.make_object(ObjectType::Tcb, 0, 0, false)?;
        self.put(SLOT_TCB, cap)?;
        let Cap::Tcb { id } = cap else {
            return Err(BootError::NoHeap);
        };
        for (own, from) in [
            (TCB_CSPACE, SLOT_CNODE),
            (TCB_VSPACE, SLOT_VSPACE),
            (TCB_BUFFER, SLOT_BUFFER),
        ] {
            let at = self.kernel.tcb_slot(id, own);
            let from = SlotRef {
                table: self.root,
                index: from,
            };
            self.kernel.slots.prepare(at)?;
            let cap = self.kernel.slots.get(from).cap;
            self.kernel.slots.derive(from, at, cap);
        }
        let slice = self.kernel.hw.us_to_ticks(SLICE_US);
        let now = self.kernel.scheduler.now;
        let context = &mut self.kernel.contexts[sched_context];
        context.refills.configure(MIN_REFILLS, slice, 0, now);
        context.tcb = Some(id);
        let tcb = &mut self.kernel.tcbs[id];
        tcb.sc = Some(sched_context);
        tcb.buffer = buffer_vaddr;
        tcb.priority = u8::MAX;
        tcb.mcp = u8::MAX;
        tcb.state = State::Running;
        tcb.context.pc = input.entry;
        tcb.context.next_pc = input.entry;
        tcb.context.x[0] = info_vaddr;
        self.kernel.enqueue(id, true);
        self.kernel.scheduler.action = Action::Choose;
        Ok(())
    }

    /// Cut a range into aligned powers of two.
    fn untypeds(
        &mut self,
        range: Range<u64>,
        device: bool,
        info: u64,
        first: u32,
    ) -> Result<(), BootError> {
        let mut base = range.start;
        while base < range.end && self.next - first < MAX_UNTYPEDS {
            let aligned = if base == 0 { 47 } else { base.trailing_zeros() };
            let bits = aligned.min((range.end - base).ilog2()).min(47);
            let entry = info + INFO_UNTYPED_LIST + 16 * u64::from(self.next - first);
            let hw = &mut self.kernel.hw;
            hw.write_word(entry, base);
            hw.write_word(entry + 8, u64::from(bits) | u64::from(device) << 8);
            // Full until the first retype clears it.
            self.append(Cap::Untyped {
                base,
                used: 1 << bits,
                bits: bits as u8,
                device,
            })?;
            base += 1 << bits;
        }
        Ok(())
    }
}
