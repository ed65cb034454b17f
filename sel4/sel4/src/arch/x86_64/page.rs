// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of pages and translation tables.

use crate::{
    Cap, CapRights, CapTypeForFrameObject, InvocationContext, Result, TranslationTableObjectType,
    VmAttributes, Word, cap, cap_type, sys::invocation_label as label,
};

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// `seL4_X86_Page_Map`.
    pub fn frame_map(
        self,
        vspace: cap::VSpace,
        vaddr: usize,
        rights: CapRights,
        attrs: VmAttributes,
    ) -> Result<()> {
        self.order(
            label::X86PageMap,
            &[vspace.bits()],
            &[vaddr as Word, rights.into_word(), attrs.into_inner()],
        )
    }

    /// `seL4_X86_Page_Unmap`: the mapping that was made through this very capability.
    pub fn frame_unmap(self) -> Result<()> {
        self.order(label::X86PageUnmap, &[], &[])
    }

    /// `seL4_X86_Page_GetAddress`: the physical address.
    pub fn frame_get_address(self) -> Result<usize> {
        self.request(label::X86PageGetAddress, &[], &[])
            .map(|answer| answer[0] as usize)
    }
}

macro_rules! tables {
    ($($cap:ident, $map:ident, $label:ident;)*) => {
        $(
            impl<C: InvocationContext> cap::$cap<C> {
                #[doc = concat!("`seL4_", stringify!($label), "`.")]
                pub fn $map(self, vspace: cap::VSpace, vaddr: usize, attr: VmAttributes) -> Result<()> {
                    self.order(label::$label, &[vspace.bits()], &[vaddr as Word, attr.into_inner()])
                }
            }
        )*
    };
}

tables! {
    PDPT, pdpt_map, X86PDPTMap;
    PageDirectory, page_directory_map, X86PageDirectoryMap;
    PageTable, page_table_map, X86PageTableMap;
}

impl<C: InvocationContext> cap::UnspecifiedIntermediateTranslationTable<C> {
    /// Maps a table of the kind `ty`, which must not be the first.
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
        match ty {
            TranslationTableObjectType::PML4 => panic!("a root table is not mapped"),
            TranslationTableObjectType::PDPT => {
                self.cast::<cap_type::PDPT>().pdpt_map(vspace, vaddr, attr)
            }
            TranslationTableObjectType::PageDirectory => self
                .cast::<cap_type::PageDirectory>()
                .page_directory_map(vspace, vaddr, attr),
            TranslationTableObjectType::PageTable => self
                .cast::<cap_type::PageTable>()
                .page_table_map(vspace, vaddr, attr),
        }
    }
}
