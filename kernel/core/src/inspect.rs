// SPDX-License-Identifier: BSD-2-Clause
//! For simulations: read-only queries of the kernel's records, by capability addresses of a thread. They are not part of a
//! kernel that runs on a machine.

pub use crate::invocation::Label;

use crate::{
    cap::Cap, descriptor, hardware::Hardware, hardware::TcbId, kernel::Kernel, slots::SlotRef,
};

/// What an address of an address space leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Physical address.
    pub paddr: u64,
    /// It may be written, not only read.
    pub write: bool,
}

/// Root of an address space.
#[derive(Clone, Copy, Debug)]
pub struct SpaceRoot(u64);

impl<H: Hardware> Kernel<H> {
    /// Physical address of a thread's IPC buffer.
    pub fn inspect_buffer(&self, thread: TcbId) -> Option<u64> {
        self.buffer(thread.0, true)
    }

    /// Whether there is a capability at this address.
    pub fn inspect_filled(&self, thread: TcbId, address: u64) -> bool {
        !self.cap_at(thread, address).is_null()
    }

    /// Whether anything was derived from the capability at this address and is still there.
    pub fn inspect_has_children(&self, thread: TcbId, address: u64) -> bool {
        let slot = self.lookup(thread.0, address);
        slot.is_ok_and(|at| self.first_child(at).is_some())
    }

    /// What an address leads to in the address space that is named.
    pub fn inspect_reached(&self, thread: TcbId, vspace: u64, vaddr: u64) -> Option<Reached> {
        self.inspect_reached_in(self.inspect_space(thread, vspace)?, vaddr)
    }

    /// The root of the address space that is named, if it has an ASID.
    pub fn inspect_space(&self, thread: TcbId, vspace: u64) -> Option<SpaceRoot> {
        match self.cap_at(thread, vspace) {
            Cap::VSpace { base, asid: 1.. } => Some(SpaceRoot(base)),
            _ => None,
        }
    }

    /// What an address leads to in the address space with this root.
    pub fn inspect_reached_in(&self, SpaceRoot(base): SpaceRoot, vaddr: u64) -> Option<Reached> {
        let (page, bits) = self.translate(base, vaddr)?;
        let value = self.hw.read_word(self.entry_place(base, vaddr, bits));
        descriptor::readable(value).then(|| Reached {
            paddr: page + (vaddr & ((1 << bits) - 1)),
            write: descriptor::writable(value),
        })
    }

    /// Whether an interrupt signals anything.
    pub fn inspect_irq_bound(&self, irq: u32) -> bool {
        let at = SlotRef {
            table: self.irq_table,
            index: irq,
        };
        !self.slots.get(at).cap.is_null()
    }

    /// Whether the thread that is named could run.
    pub fn inspect_runs(&self, thread: TcbId, tcb: u64) -> bool {
        match self.cap_at(thread, tcb) {
            Cap::Tcb { id } => self.runnable(id) && self.tcbs[id].sc.is_some(),
            _ => false,
        }
    }

    fn cap_at(&self, thread: TcbId, address: u64) -> Cap {
        let slot = self.lookup(thread.0, address);
        slot.map_or(Cap::Null, |at| self.slots.get(at).cap)
    }
}
