// SPDX-License-Identifier: BSD-2-Clause
//! Makes kernel objects from an arena's untypeds; their capabilities go to the workshop.

use molt_bundle::Reason;
use molt_system::cspace::{VAULT_CNODE, WORKSHOP_OWN, vault_cptr};
use sel4::{AbsoluteCPtr, Cap, CapType, ObjectBlueprint, cap};

/// The untypeds of an arena, in the workshop's slots from 0 on.
pub struct Arena {
    untyped: u32,
    count: u32,
    next: u32,
}

impl Arena {
    /// An empty arena of `count` untypeds. Capabilities without a fixed slot go to `first` and the slots after it.
    pub fn new(count: u32, first: u32) -> Self {
        Self {
            untyped: 0,
            count,
            next: first,
        }
    }

    /// The workshop's first slot that is not used.
    pub fn used(&self) -> u32 {
        self.next
    }

    /// Makes an object in the next slot.
    pub fn make<T: CapType>(&mut self, blueprint: ObjectBlueprint) -> Result<Cap<T>, Reason> {
        let slot = self.next;
        if slot >= WORKSHOP_OWN {
            return Err(Reason::ArenaFull);
        }
        self.next += 1;
        self.make_at(blueprint, slot)
    }

    /// Makes an object in a given slot.
    pub fn make_at<T: CapType>(
        &mut self,
        blueprint: ObjectBlueprint,
        slot: u32,
    ) -> Result<Cap<T>, Reason> {
        while self.untyped < self.count {
            let untyped: cap::Untyped = capability(self.untyped);
            match untyped.untyped_retype(&blueprint, &workshop(), slot as usize, 1) {
                Ok(()) => return Ok(capability(slot)),
                // The rest of this untyped is too small and stays unused; the next one has room.
                Err(sel4::Error::NotEnoughMemory) => self.untyped += 1,
                Err(_) => return Err(Reason::BuildFailed),
            }
        }
        Err(Reason::ArenaFull)
    }
}

/// The capability in a slot of the workshop.
pub fn capability<T: CapType>(slot: u32) -> Cap<T> {
    Cap::from_bits(vault_cptr(slot))
}

fn workshop() -> AbsoluteCPtr {
    cap::CNode::from_bits(VAULT_CNODE).absolute_cptr_for_self()
}
