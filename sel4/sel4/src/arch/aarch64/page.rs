// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of translation tables, and the labels of those of pages.

use crate::{
    InvocationContext, Result, TranslationTableObjectType, VmAttributes, Word, cap, cap_type,
    sys::invocation_label as label,
};

/// `seL4_ARM_Page_…`.
pub(crate) mod frame {
    pub(crate) use crate::sys::invocation_label::{
        ARMPageGetAddress as GET_ADDRESS, ARMPageMap as MAP, ARMPageUnmap as UNMAP,
    };
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
