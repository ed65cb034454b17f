// SPDX-License-Identifier: BSD-2-Clause
//! Operations on the vault's slots.

use molt_system::VaultSlot;
use molt_system::cspace::{
    GENERATION_BITS, MICROKIT_BITS, VAULT_CNODE, VAULT_DEPTH, WORKSHOP_CNODE,
};
use sel4::{AbsoluteCPtr, CapRights, CapType, Result, cap};

/// The capability in a slot.
pub fn capability<T: CapType>(slot: VaultSlot) -> sel4::Cap<T> {
    sel4::Cap::from_bits(slot.cptr())
}

/// The slot, for CNode operations.
pub fn place(slot: VaultSlot) -> AbsoluteCPtr {
    at(VAULT_CNODE, slot.0)
}

/// A slot of `stage`'s workshop.
pub fn workshop(index: u32) -> AbsoluteCPtr {
    at(WORKSHOP_CNODE, index)
}

/// A slot of the generation whose CNode is in `cnode` (as `stage` made it: without a guard).
pub fn generation(cnode: VaultSlot, slot: u64) -> AbsoluteCPtr {
    capability::<sel4::cap_type::CNode>(cnode)
        .absolute_cptr_from_bits_with_depth(slot, GENERATION_BITS as usize)
}

/// Copies with all the rights of the source.
pub fn copy(to: VaultSlot, from: VaultSlot) -> Result<()> {
    place(to).copy(&place(from), CapRights::all())
}

/// Moves between vault and workshop.
pub fn move_to(to: &AbsoluteCPtr, from: &AbsoluteCPtr) -> Result<()> {
    to.move_(from)
}

/// Revokes all that was derived from an original. Can be cut by the kernel and begun again; it is done when this returns.
pub fn revoke(slot: VaultSlot) -> Result<()> {
    place(slot).revoke()
}

fn at(cnode: u64, index: u32) -> AbsoluteCPtr {
    const _: () = assert!(MICROKIT_BITS == 9);
    cap::CNode::from_bits(cnode)
        .absolute_cptr_from_bits_with_depth(u64::from(index), VAULT_DEPTH as usize)
}
