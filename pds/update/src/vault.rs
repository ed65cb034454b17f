// SPDX-License-Identifier: BSD-2-Clause
//! Operations on the vault's slots.

use molt_supervisor::Slot;
use molt_system::VaultSlot;
use molt_system::cspace::{
    GENERATION_BITS, MICROKIT_BITS, VAULT_CNODE, VAULT_DEPTH, WORKSHOP_CNODE,
};
use sel4::{AbsoluteCPtr, CapType, cap};

/// The capability in a slot.
pub fn capability<T: CapType>(slot: VaultSlot) -> sel4::Cap<T> {
    sel4::Cap::from_bits(slot.cptr())
}

/// The slot, for CNode operations.
pub fn place(slot: VaultSlot) -> AbsoluteCPtr {
    at(VAULT_CNODE, slot.0)
}

/// Any slot.
pub fn slot(slot: Slot) -> AbsoluteCPtr {
    match slot {
        Slot::Vault(slot) => place(slot),
        Slot::Workshop(index) => at(WORKSHOP_CNODE, index),
        // As `stage` made the CNode: without a guard.
        Slot::Generation { cnode, slot } => capability::<sel4::cap_type::CNode>(cnode)
            .absolute_cptr_from_bits_with_depth(slot, GENERATION_BITS as usize),
    }
}

fn at(cnode: u64, index: u32) -> AbsoluteCPtr {
    const _: () = assert!(MICROKIT_BITS == 9);
    cap::CNode::from_bits(cnode)
        .absolute_cptr_from_bits_with_depth(u64::from(index), VAULT_DEPTH as usize)
}
