// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of the embedded kernel's core by its root task, which acts for `update` and `stage`: their CNodes are parts of
//! its own.

use molt_kernel_core::hardware::TcbId;
use molt_kernel_core::inspect::{Label, Reached};
use molt_kernel_core::{BootInput, Event, Kernel};

use crate::hardware::Machine;
use crate::ram::{self, Ram};

/// Slot of the root task's own TCB, its authority for priorities.
pub const TCB: u64 = 1;
/// Slot of the root task's CNode, IRQ control, ASID pool (seL4's fixed slots).
pub const CNODE: u64 = 2;
const IRQ_CONTROL: u64 = 4;
const ASID_POOL: u64 = 6;
/// The root task's CNode resolves whole addresses.
const DEPTH: u64 = 64;

/// Object types, by seL4's numbers.
pub mod object {
    pub const UNTYPED: u64 = 0;
    pub const TCB: u64 = 1;
    pub const ENDPOINT: u64 = 2;
    pub const NOTIFICATION: u64 = 3;
    pub const CNODE: u64 = 4;
    pub const SCHED_CONTEXT: u64 = 5;
    pub const VSPACE: u64 = 8;
    pub const PAGE: u64 = 9;
    pub const PAGE_TABLE: u64 = 11;
}

/// The kernel and its root task.
pub struct Calls {
    kernel: Kernel<Machine>,
    root: TcbId,
    buffer: u64,
    /// Invocations so far. Nothing else changes what the kernel has.
    pub made: u64,
    /// Slot of SchedControl.
    pub sched_control: u64,
    /// Untypeds of the boot, largest last.
    pub untypeds: Vec<(u64, u32)>,
}

/// seL4's error number.
pub type Error = u64;

impl Calls {
    /// A kernel that has just booted on cleared memory.
    pub fn boot(ram: Ram) -> Self {
        ram.clear();
        let memory = ram::BASE..ram::FIXED;
        let input = BootInput {
            ram: core::slice::from_ref(&memory),
            device: &[],
            image: 0x7000_0000..0x7000_1000,
            image_vaddr: 0x20_0000,
            entry: 0x20_0000,
            irq_count: 64,
            reserved_irqs: &[],
        };
        let kernel = Kernel::boot(Machine(ram), &input).expect("a machine that is large enough");
        let root = kernel.running().expect("the root task").thread;
        let buffer = kernel.inspect_buffer(root).expect("its buffer");
        // BootInfo: the region of untypeds, and their list (seL4's `seL4_BootInfo`).
        let info = buffer - 4096;
        let word = |offset| {
            ram.word(info + offset)
                .load(std::sync::atomic::Ordering::Relaxed)
        };
        let (first, end) = (word(168), word(176));
        let mut untypeds: Vec<_> = (first..end)
            .map(|slot| (slot, word(184 + 16 * (slot - first) + 8) as u32 & 0xff))
            .collect();
        untypeds.sort_by_key(|(_, bits)| *bits);
        Self {
            kernel,
            root,
            buffer,
            made: 0,
            sched_control: word(152),
            untypeds,
        }
    }

    /// An invocation. Gives the answer's first word.
    pub fn call(
        &mut self,
        cap: u64,
        label: u64,
        words: &[u64],
        caps: &[u64],
    ) -> Result<u64, Error> {
        use molt_kernel_core::Hardware;
        self.made += 1;
        for (n, word) in words.iter().enumerate().skip(4) {
            let place = self.buffer + 8 + 8 * n as u64;
            self.kernel.hardware().write_word(place, *word);
        }
        for (n, cap) in caps.iter().enumerate() {
            let place = self.buffer + 976 + 8 * n as u64;
            self.kernel.hardware().write_word(place, *cap);
        }
        let context = self.kernel.context_mut(self.root).expect("the root task");
        let x = &mut context.x;
        for (register, word) in x[2..6].iter_mut().zip(words) {
            *register = *word;
        }
        x[0] = cap;
        x[1] = label << 12 | (caps.len() as u64) << 7 | words.len() as u64;
        x[6] = 0;
        x[7] = (-1i64).cast_unsigned();
        context.next_pc = context.next_pc.wrapping_add(4);
        self.kernel.handle(Event::Syscall);
        let running = self.kernel.running().map(|r| r.thread);
        assert_eq!(running, Some(self.root), "the root task runs on");
        let x = &self.kernel.context(self.root).expect("the root task").x;
        match x[1] >> 12 {
            0 => Ok(x[2]),
            error => Err(error),
        }
    }

    pub fn retype(
        &mut self,
        untyped: u64,
        kind: u64,
        bits: u64,
        to: u64,
        count: u64,
    ) -> Result<(), Error> {
        let words = [kind, bits, 0, 0, to, count];
        self.call(untyped, Label::UNTYPED_RETYPE, &words, &[CNODE])
            .map(drop)
    }

    /// Copies with rights; into the CNode `node`, or the root task's.
    pub fn copy(
        &mut self,
        node: Option<u64>,
        to: u64,
        from: u64,
        rights: u64,
    ) -> Result<(), Error> {
        let (node, depth) = node.map_or((CNODE, DEPTH), |node| (node, 9));
        let words = [to, depth, from, DEPTH, rights];
        self.call(node, Label::CNODE_COPY, &words, &[CNODE])
            .map(drop)
    }

    pub fn mint(&mut self, to: u64, from: u64, rights: u64, badge: u64) -> Result<(), Error> {
        let words = [to, DEPTH, from, DEPTH, rights, badge];
        self.call(CNODE, Label::CNODE_MINT, &words, &[CNODE])
            .map(drop)
    }

    pub fn relocate(&mut self, to: u64, from: u64) -> Result<(), Error> {
        let words = [to, DEPTH, from, DEPTH];
        self.call(CNODE, Label::CNODE_MOVE, &words, &[CNODE])
            .map(drop)
    }

    pub fn revoke(&mut self, at: u64) -> Result<(), Error> {
        self.call(CNODE, Label::CNODE_REVOKE, &[at, DEPTH], &[])
            .map(drop)
    }

    pub fn delete(&mut self, at: u64) -> Result<(), Error> {
        self.call(CNODE, Label::CNODE_DELETE, &[at, DEPTH], &[])
            .map(drop)
    }

    pub fn map(
        &mut self,
        frame: u64,
        vspace: u64,
        vaddr: u64,
        rights: u64,
        attributes: u64,
    ) -> Result<(), Error> {
        let words = [vaddr, rights, attributes];
        self.call(frame, Label::PAGE_MAP, &words, &[vspace])
            .map(drop)
    }

    pub fn map_table(&mut self, table: u64, vspace: u64, vaddr: u64) -> Result<(), Error> {
        self.call(table, Label::PAGE_TABLE_MAP, &[vaddr, 0], &[vspace])
            .map(drop)
    }

    pub fn paddr(&mut self, frame: u64) -> u64 {
        self.call(frame, Label::PAGE_GET_ADDRESS, &[], &[])
            .unwrap_or(0)
    }

    pub fn assign_asid(&mut self, vspace: u64) -> Result<(), Error> {
        self.call(ASID_POOL, Label::ASID_POOL_ASSIGN, &[], &[vspace])
            .map(drop)
    }

    pub fn issue_irq(&mut self, irq: u64, to: u64) -> Result<(), Error> {
        let words = [irq, to, DEPTH];
        self.call(IRQ_CONTROL, Label::IRQ_ISSUE_HANDLER, &words, &[CNODE])
            .map(drop)
    }

    /// Whether there is a capability.
    pub fn filled(&self, at: u64) -> bool {
        self.kernel.inspect_filled(self.root, at)
    }

    /// Whether anything that was derived from it is there.
    pub fn has_children(&self, at: u64) -> bool {
        self.kernel.inspect_has_children(self.root, at)
    }

    /// What an address leads to.
    pub fn reached(&self, vspace: u64, vaddr: u64) -> Option<Reached> {
        self.kernel.inspect_reached(self.root, vspace, vaddr)
    }

    /// Whether any of these addresses leads anywhere.
    pub fn reaches_any(&self, vspace: u64, vaddrs: impl IntoIterator<Item = u64>) -> bool {
        let Some(space) = self.kernel.inspect_space(self.root, vspace) else {
            return false;
        };
        let mut vaddrs = vaddrs.into_iter();
        vaddrs.any(|vaddr| self.kernel.inspect_reached_in(space, vaddr).is_some())
    }

    /// Whether all of these addresses can be written.
    pub fn writes_all(&self, vspace: u64, vaddrs: impl IntoIterator<Item = u64>) -> bool {
        let Some(space) = self.kernel.inspect_space(self.root, vspace) else {
            return false;
        };
        vaddrs.into_iter().all(|vaddr| {
            let reached = self.kernel.inspect_reached_in(space, vaddr);
            reached.is_some_and(|reached| reached.write)
        })
    }

    /// Whether an interrupt signals anything.
    pub fn irq_bound(&self, irq: u32) -> bool {
        self.kernel.inspect_irq_bound(irq)
    }

    /// Whether a thread could run.
    pub fn runs(&self, tcb: u64) -> bool {
        self.kernel.inspect_runs(self.root, tcb)
    }
}
