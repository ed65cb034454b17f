// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of translation tables, and the labels of those of pages.

use crate::{
    InvocationContext, Result, TranslationTableObjectType, VmAttributes, Word, cap, cap_type,
    sys::invocation_label as label,
};

/// `seL4_X86_Page_…`.
pub(crate) mod frame {
    pub(crate) use crate::sys::invocation_label::{
        X86PageGetAddress as GET_ADDRESS, X86PageMap as MAP, X86PageUnmap as UNMAP,
    };
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
