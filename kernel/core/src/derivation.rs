// SPDX-License-Identifier: BSD-2-Clause
//! Which capability is whose parent in the derivation tree, and which ones may be copied.

use crate::{
    cap::Cap,
    error::Error,
    hardware::Hardware,
    kernel::Kernel,
    slots::{Slot, SlotRef},
    untyped::ObjectType,
};

impl<H: Hardware> Kernel<H> {
    /// The physical memory of a capability's object: base and log2 of the size. `None` where the
    /// object is not made of memory.
    pub(crate) fn memory_of(&self, cap: &Cap) -> Option<(u64, u32)> {
        Some(match *cap {
            Cap::Untyped { base, bits, .. } => (base, u32::from(bits)),
            Cap::Endpoint { id, .. } => {
                (self.endpoints.get(id)?.base, ObjectType::Endpoint.bits(0))
            }
            Cap::Notification { id, .. } => (
                self.notifications.get(id)?.base,
                ObjectType::Notification.bits(0),
            ),
            Cap::Reply { id, .. } => (self.replies.get(id)?.base, ObjectType::Reply.bits(0)),
            Cap::CNode { id, radix, .. } => (
                self.slots.table(id)?.base,
                ObjectType::CNode.bits(u32::from(radix)),
            ),
            Cap::Tcb { id } => (self.tcbs.get(id)?.base, ObjectType::Tcb.bits(0)),
            Cap::SchedContext { id } => {
                let sc = self.contexts.get(id)?;
                (sc.base, u32::from(sc.bits))
            }
            Cap::Vcpu { id } => (self.vcpus.get(id)?.base, ObjectType::Vcpu.bits(0)),
            Cap::Frame { base, size, .. } => (base, size.bits()),
            Cap::PageTable { base, .. } => (base, ObjectType::PageTable.bits(0)),
            Cap::VSpace { base, .. } => (base, ObjectType::VSpace.bits(0)),
            Cap::AsidPool { base, .. } => (base, 12),
            Cap::Remains { table, bits } => (self.slots.table(table)?.base, u32::from(bits)),
            Cap::Null
            | Cap::SchedControl
            | Cap::IrqControl
            | Cap::IrqHandler { .. }
            | Cap::AsidControl => return None,
        })
    }

    fn same_region(&self, parent: &Cap, child: &Cap) -> bool {
        match (parent, child) {
            (Cap::Untyped { base, bits, .. }, _) => match self.memory_of(child) {
                Some((child_base, child_bits)) => {
                    child_base >= *base
                        && child_bits <= u32::from(*bits)
                        && child_base - base <= (1 << bits) - (1 << child_bits)
                }
                None => false,
            },
            (Cap::IrqControl, Cap::IrqHandler { .. }) => true,
            _ => parent.same_object(child),
        }
    }

    fn is_parent(&self, parent: &Slot, child: &Slot) -> bool {
        if !parent.original || !self.same_region(&parent.cap, &child.cap) {
            return false;
        }
        match (parent.cap, child.cap) {
            (Cap::Endpoint { badge: a, .. }, Cap::Endpoint { badge: b, .. })
            | (Cap::Notification { badge: a, .. }, Cap::Notification { badge: b, .. }) => {
                a == 0 || (a == b && !child.first_badged)
            }
            _ => true,
        }
    }

    /// The first descendant of a slot, if it has any.
    pub(crate) fn first_child(&self, at: SlotRef) -> Option<SlotRef> {
        let slot = self.slots.get(at);
        let next = slot.next?;
        self.is_parent(slot, self.slots.get(next)).then_some(next)
    }

    /// Is this the last capability to its object?
    pub(crate) fn is_final(&self, at: SlotRef) -> bool {
        let slot = self.slots.get(at);
        ![slot.prev, slot.next]
            .into_iter()
            .flatten()
            .any(|near| self.slots.get(near).cap.same_object(&slot.cap))
    }

    /// The capability that a copy of `cap`, which is in `at`, contains.
    pub(crate) fn derive_cap(&self, at: SlotRef, cap: Cap) -> Result<Cap, Error> {
        match cap {
            Cap::Untyped { .. } if self.first_child(at).is_some() => Err(Error::RevokeFirst),
            Cap::IrqControl => Ok(Cap::Null),
            Cap::Frame {
                base,
                size,
                rights,
                device,
                ..
            } => Ok(Cap::Frame {
                base,
                size,
                rights,
                device,
                vaddr: 0,
                asid: 0,
            }),
            Cap::PageTable { asid: 0, .. } | Cap::VSpace { asid: 0, .. } => {
                Err(Error::IllegalOperation)
            }
            other => Ok(other),
        }
    }

    /// Put a copy of the capability in `source` into `to`. Untyped memory that is copied counts as used
    /// up in its source until the copy is deleted.
    pub(crate) fn insert_derived(&mut self, source: SlotRef, to: SlotRef, cap: Cap) {
        self.slots.derive(source, to, cap);
        if let (
            Cap::Untyped {
                base, bits, device, ..
            },
            Cap::Untyped {
                base: other_base,
                bits: other_bits,
                ..
            },
        ) = (self.slots.get(source).cap, cap)
            && base == other_base
            && bits == other_bits
        {
            self.slots.set_cap(
                source,
                Cap::Untyped {
                    base,
                    used: 1 << bits,
                    bits,
                    device,
                },
            );
        }
    }
}
