// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of pages and translation tables.

use crate::{
    Cap, CapRights, CapTypeForFrameObject, InvocationContext, Result, TranslationTableObjectType,
    VmAttributes, Word, cap, cap_type, sys::invocation_label as label,
};

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// `seL4_ARM_Page_Map`.
    pub fn frame_map(
        self,
        vspace: cap::VSpace,
        vaddr: usize,
        rights: CapRights,
        attrs: VmAttributes,
    ) -> Result<()> {
        self.order(
            label::ARMPageMap,
            &[vspace.bits()],
            &[vaddr as Word, rights.into_word(), attrs.into_inner()],
        )
    }

    /// `seL4_ARM_Page_Unmap`: the mapping that was made through this very capability.
    pub fn frame_unmap(self) -> Result<()> {
        self.order(label::ARMPageUnmap, &[], &[])
    }

    /// `seL4_ARM_Page_GetAddress`: the physical address.
    pub fn frame_get_address(self) -> Result<usize> {
        self.request(label::ARMPageGetAddress, &[], &[])
            .map(|answer| answer[0] as usize)
    }
}

impl<C: InvocationContext> cap::PT<C> {
    /// `seL4_ARM_PageTable_Map`: at the highest level that misses a table for `vaddr`.
    pub fn pt_map(self, vspace: cap::VSpace, vaddr: usize, attr: VmAttributes) -> Result<()> {
        self.order(
            label::ARMPageTableMap,
            &[vspace.bits()],
            &[vaddr as Word, attr.into_inner()],
        )
    }
}

impl<C: InvocationContext> cap::UnspecifiedIntermediateTranslationTable<C> {
    /// [`pt_map`](cap::PT::pt_map); `ty` must be `PT`.
    ///
    /// # Panics
    /// If `ty` is a root table.
    pub fn generic_intermediate_translation_table_map(
        self,
        ty: TranslationTableObjectType,
        vspace: cap::VSpace,
        vaddr: usize,
        attr: VmAttributes,
    ) -> Result<()> {
        assert_eq!(ty, TranslationTableObjectType::PT);
        self.cast::<cap_type::PT>().pt_map(vspace, vaddr, attr)
    }
}
