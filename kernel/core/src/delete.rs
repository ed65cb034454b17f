// SPDX-License-Identifier: BSD-2-Clause
//! Deletes capabilities, and with the last one the object. An object that itself holds capabilities (a CNode, a
//! thread) is emptied slot by slot, so that an interrupt waits for no more than a few slots:
//! its table is put on a list, and every operation that deletes first finishes this list.

use crate::{
    cap::Cap,
    error::Error,
    hardware::Hardware,
    kernel::Kernel,
    slots::{Scan, SlotRef},
};

impl<H: Hardware> Kernel<H> {
    /// `CNode_Delete`.
    pub(crate) fn delete(&mut self, at: SlotRef) -> Result<(), Error> {
        self.finish_doomed()?;
        self.delete_slot(at);
        self.finish_doomed()
    }

    /// `CNode_Revoke`: delete every capability that is derived from the one in a slot.
    pub(crate) fn revoke(&mut self, at: SlotRef) -> Result<(), Error> {
        self.finish_doomed()?;
        while let Some(child) = self.first_child(at) {
            self.delete_slot(child);
            self.finish_doomed()?;
            self.step()?;
        }
        Ok(())
    }

    /// Put a table whose object was deleted on the list.
    pub(crate) fn doom(&mut self, table: u32) {
        // There is room: `new_table` made it.
        self.doomed.push((table, 0));
    }

    /// A new table, and room on the list of doomed ones.
    pub(crate) fn new_table(&mut self, base: u64, radix: u8) -> Result<u32, Error> {
        let tables = self.slots.table_count() + 1;
        let missing = tables.saturating_sub(self.doomed.len());
        self.doomed
            .try_reserve(missing)
            .map_err(|_| Error::NotEnoughMemory(0))?;
        Ok(self.slots.add_table(base, radix)?)
    }

    /// Empty the tables of deleted CNodes and threads.
    pub(crate) fn finish_doomed(&mut self) -> Result<(), Error> {
        while let Some((table, from)) = self.doomed.last().copied() {
            let next = match self.slots.scan(table, from) {
                Scan::Filled(at) => {
                    if let Some(last) = self.doomed.last_mut() {
                        last.1 = at.index;
                    }
                    self.delete_inner(at);
                    None
                }
                Scan::Resume(index) => Some(index),
                Scan::Empty => {
                    self.doomed.pop();
                    self.slots.remove_table(table);
                    None
                }
            };
            if let (Some(index), Some(last)) = (next, self.doomed.last_mut()) {
                last.1 = index;
            }
            self.step()?;
        }
        Ok(())
    }

    /// Delete a capability that lies in a deleted CNode or thread. If it is the last one to another
    /// of these, that one is not taken apart too, however deep they are nested: what lay in its
    /// first slot comes here, to be deleted next, and its remains lie there until their memory is
    /// revoked, with all else that it holds. (So the real kernel; see the random sequences.)
    fn delete_inner(&mut self, at: SlotRef) {
        let cap = self.slots.get(at).cap;
        let inner = match cap {
            Cap::CNode { id, .. } => Some(id),
            Cap::Tcb { id } => self.tcbs.get(id).map(|tcb| tcb.table),
            _ => None,
        };
        let first = inner.map(|table| SlotRef { table, index: 0 });
        let (Some(first), Some((_, bits)), true) = (first, self.memory_of(&cap), self.is_final(at))
        else {
            return self.delete_slot(at);
        };
        if self.slots.prepare(first).is_err() {
            // No room for that: it is taken apart after all.
            return self.delete_slot(at);
        }
        if let Cap::Tcb { id } = cap {
            self.delete_tcb(id);
        }
        let remains = Cap::Remains {
            table: first.table,
            bits: bits as u8,
        };
        self.slots
            .swap(at, remains, first, self.slots.get(first).cap);
    }

    /// Delete one capability; its object, if it was the last.
    pub(crate) fn delete_slot(&mut self, at: SlotRef) {
        let cap = self.slots.get(at).cap;
        if cap.is_null() {
            return;
        }
        let last = self.is_final(at);
        // A mapping is made through one capability and goes with it.
        if let Cap::Frame { .. } = cap {
            self.unmap_frame(cap);
        }
        self.slots.clear(at);
        if last {
            self.delete_object(cap);
        }
    }

    fn delete_object(&mut self, cap: Cap) {
        match cap {
            Cap::Endpoint { id, .. } => {
                self.cancel_all(id);
                self.endpoints.remove(id);
            }
            Cap::Notification { id, .. } => {
                if let Some(thread) = self.notifications[id].bound {
                    self.unbind_notification(thread);
                }
                if let Some(sc) = self.notifications[id].sc {
                    self.contexts[sc].notification = None;
                }
                self.cancel_all_signals(id);
                self.notifications.remove(id);
            }
            Cap::Reply { id, .. } => self.delete_reply(id),
            Cap::CNode { id, .. } => self.doom(id),
            Cap::Tcb { id } => {
                if let Some(table) = self.delete_tcb(id) {
                    self.doom(table);
                }
            }
            Cap::Remains { table, .. } => self.doom(table),
            Cap::SchedContext { id } => self.delete_context(id),
            Cap::IrqHandler { irq } => self.delete_irq_handler(irq),
            Cap::PageTable { .. } => self.unmap_page_table(cap),
            Cap::VSpace { base, asid } => self.delete_vspace(base, asid),
            Cap::AsidPool { base, first } => self.delete_asid_pool(base, first),
            Cap::Vcpu { id } => self.delete_vcpu(id),
            Cap::Null
            | Cap::Untyped { .. }
            | Cap::Frame { .. }
            | Cap::SchedControl
            | Cap::IrqControl
            | Cap::AsidControl => {}
        }
    }
}
