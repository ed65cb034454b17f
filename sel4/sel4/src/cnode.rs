// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of untypeds and CNodes.

use crate::{
    AbsoluteCPtr, CapRights, InvocationContext, ObjectBlueprint, Result, Word, cap,
    sys::invocation_label as label,
};

impl<C: InvocationContext> cap::Untyped<C> {
    /// `seL4_Untyped_Retype`: makes `num_objects` objects, in the slots from `dst_offset` of the
    /// CNode that `dst` names (a slot that holds it, or the CNode for itself).
    pub fn untyped_retype(
        self,
        blueprint: &ObjectBlueprint,
        dst: &AbsoluteCPtr,
        dst_offset: usize,
        num_objects: usize,
    ) -> Result<()> {
        self.order(
            label::UntypedRetype,
            &[dst.root().bits()],
            &[
                blueprint.ty().into_sys().into(),
                blueprint.api_size_bits().unwrap_or(0) as Word,
                dst.path().bits(),
                dst.path().depth() as Word,
                dst_offset as Word,
                num_objects as Word,
            ],
        )
    }
}

impl<C: InvocationContext> AbsoluteCPtr<C> {
    /// A call on the CNode with the slot, then (where there is one) the source slot and `more`.
    fn slot_order(self, label: u32, src: Option<&AbsoluteCPtr>, more: &[Word]) -> Result<()> {
        let mut words = [self.path().bits(), self.path().depth() as Word, 0, 0, 0, 0];
        let mut used = 2;
        let mut root = [0];
        if let Some(src) = src {
            words[2] = src.path().bits();
            words[3] = src.path().depth() as Word;
            used = 4;
            root[0] = src.root().bits();
        }
        words[used..][..more.len()].copy_from_slice(more);
        used += more.len();
        let caps = if src.is_some() { &root[..] } else { &[] };
        self.into_root().order(label, caps, &words[..used])
    }

    /// `seL4_CNode_Revoke`: deletes every child of the capability, not itself.
    pub fn revoke(self) -> Result<()> {
        self.slot_order(label::CNodeRevoke, None, &[])
    }

    /// `seL4_CNode_Delete`.
    pub fn delete(self) -> Result<()> {
        self.slot_order(label::CNodeDelete, None, &[])
    }

    /// `seL4_CNode_Copy`.
    pub fn copy(self, src: &AbsoluteCPtr, rights: CapRights) -> Result<()> {
        self.slot_order(label::CNodeCopy, Some(src), &[rights.into_word()])
    }

    /// `seL4_CNode_Mint`: a copy with a badge (or, for a CNode, a guard).
    pub fn mint(self, src: &AbsoluteCPtr, rights: CapRights, badge: Word) -> Result<()> {
        self.slot_order(label::CNodeMint, Some(src), &[rights.into_word(), badge])
    }

    /// `seL4_CNode_Move`.
    pub fn move_(self, src: &AbsoluteCPtr) -> Result<()> {
        self.slot_order(label::CNodeMove, Some(src), &[])
    }

    /// `seL4_CNode_Mutate`: a move that gives a badge (or, for a CNode, a guard).
    pub fn mutate(self, src: &AbsoluteCPtr, badge: Word) -> Result<()> {
        self.slot_order(label::CNodeMutate, Some(src), &[badge])
    }
}
