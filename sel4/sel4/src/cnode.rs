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
    /// Index and depth, as words of a message.
    fn words(&self) -> [Word; 2] {
        [self.path().bits(), self.path().depth() as Word]
    }

    /// `seL4_CNode_Revoke`: deletes every child of the capability, not itself.
    pub fn revoke(self) -> Result<()> {
        let words = self.words();
        self.into_root().order(label::CNodeRevoke, &[], &words)
    }

    /// `seL4_CNode_Delete`.
    pub fn delete(self) -> Result<()> {
        let words = self.words();
        self.into_root().order(label::CNodeDelete, &[], &words)
    }

    /// `seL4_CNode_Copy`.
    pub fn copy(self, src: &AbsoluteCPtr, rights: CapRights) -> Result<()> {
        let ([index, depth], [from, from_depth]) = (self.words(), src.words());
        let words = [index, depth, from, from_depth, rights.into_word()];
        let root = [src.root().bits()];
        self.into_root().order(label::CNodeCopy, &root, &words)
    }

    /// `seL4_CNode_Mint`: a copy with a badge (or, for a CNode, a guard).
    pub fn mint(self, src: &AbsoluteCPtr, rights: CapRights, badge: Word) -> Result<()> {
        let ([index, depth], [from, from_depth]) = (self.words(), src.words());
        let words = [index, depth, from, from_depth, rights.into_word(), badge];
        let root = [src.root().bits()];
        self.into_root().order(label::CNodeMint, &root, &words)
    }

    /// `seL4_CNode_Move`.
    pub fn move_(self, src: &AbsoluteCPtr) -> Result<()> {
        let ([index, depth], [from, from_depth]) = (self.words(), src.words());
        let words = [index, depth, from, from_depth];
        let root = [src.root().bits()];
        self.into_root().order(label::CNodeMove, &root, &words)
    }

    /// `seL4_CNode_Mutate`: a move that gives a badge (or, for a CNode, a guard).
    pub fn mutate(self, src: &AbsoluteCPtr, badge: Word) -> Result<()> {
        let ([index, depth], [from, from_depth]) = (self.words(), src.words());
        let words = [index, depth, from, from_depth, badge];
        let root = [src.root().bits()];
        self.into_root().order(label::CNodeMutate, &root, &words)
    }
}
