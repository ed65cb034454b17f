// SPDX-License-Identifier: BSD-2-Clause
//! Cache maintenance, and page tables that are taken away.

use sel4::{
    Cap, CapTypeForFrameObject, InvocationContext, Result, Word, cap,
    sys::invocation_label as label,
};

use crate::CapExt;

/// Pages: cache maintenance on the bytes `start..end` of the page.
pub trait FrameExt {
    /// `seL4_ARM_Page_Clean_Data`.
    fn frame_clean_data(self, start: usize, end: usize) -> Result<()>;
    /// `seL4_ARM_Page_Invalidate_Data`.
    fn frame_invalidate_data(self, start: usize, end: usize) -> Result<()>;
    /// `seL4_ARM_Page_CleanInvalidate_Data`.
    fn frame_clean_invalidate_data(self, start: usize, end: usize) -> Result<()>;
    /// `seL4_ARM_Page_Unify_Instruction`.
    fn frame_unify_instruction(self, start: usize, end: usize) -> Result<()>;
}

impl<T: CapTypeForFrameObject, C: InvocationContext> FrameExt for Cap<T, C> {
    fn frame_clean_data(self, start: usize, end: usize) -> Result<()> {
        self.order(label::ARMPageClean_Data, &[], &[start as Word, end as Word])
    }

    fn frame_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMPageInvalidate_Data,
            &[],
            &[start as Word, end as Word],
        )
    }

    fn frame_clean_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMPageCleanInvalidate_Data,
            &[],
            &[start as Word, end as Word],
        )
    }

    fn frame_unify_instruction(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMPageUnify_Instruction,
            &[],
            &[start as Word, end as Word],
        )
    }
}

/// Address spaces: cache maintenance on the addresses `start..end`, within one page.
pub trait VSpaceExt {
    /// `seL4_ARM_VSpace_Clean_Data`.
    fn vspace_clean_data(self, start: usize, end: usize) -> Result<()>;
    /// `seL4_ARM_VSpace_Invalidate_Data`.
    fn vspace_invalidate_data(self, start: usize, end: usize) -> Result<()>;
    /// `seL4_ARM_VSpace_CleanInvalidate_Data`.
    fn vspace_clean_invalidate_data(self, start: usize, end: usize) -> Result<()>;
    /// `seL4_ARM_VSpace_Unify_Instruction`.
    fn vspace_unify_instruction(self, start: usize, end: usize) -> Result<()>;
}

impl<C: InvocationContext> VSpaceExt for cap::VSpace<C> {
    fn vspace_clean_data(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMVSpaceClean_Data,
            &[],
            &[start as Word, end as Word],
        )
    }

    fn vspace_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMVSpaceInvalidate_Data,
            &[],
            &[start as Word, end as Word],
        )
    }

    fn vspace_clean_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMVSpaceCleanInvalidate_Data,
            &[],
            &[start as Word, end as Word],
        )
    }

    fn vspace_unify_instruction(self, start: usize, end: usize) -> Result<()> {
        self.order(
            label::ARMVSpaceUnify_Instruction,
            &[],
            &[start as Word, end as Word],
        )
    }
}

/// Translation tables.
pub trait PtExt {
    /// `seL4_ARM_PageTable_Unmap`.
    fn pt_unmap(self) -> Result<()>;
}

impl<C: InvocationContext> PtExt for cap::PT<C> {
    fn pt_unmap(self) -> Result<()> {
        self.order(label::ARMPageTableUnmap, &[], &[])
    }
}
