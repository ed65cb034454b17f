// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of pages, which are alike on every architecture but for their labels.

use crate::{
    Cap, CapRights, CapTypeForFrameObject, InvocationContext, Result, VmAttributes, Word,
    arch::frame, cap,
};

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// `seL4_ARM_Page_Map`, `seL4_X86_Page_Map`.
    pub fn frame_map(
        self,
        vspace: cap::VSpace,
        vaddr: usize,
        rights: CapRights,
        attrs: VmAttributes,
    ) -> Result<()> {
        self.order(
            frame::MAP,
            &[vspace.bits()],
            &[vaddr as Word, rights.into_word(), attrs.into_inner()],
        )
    }

    /// `seL4_ARM_Page_Unmap`, `seL4_X86_Page_Unmap`: the mapping that was made through this very capability.
    pub fn frame_unmap(self) -> Result<()> {
        self.order(frame::UNMAP, &[], &[])
    }

    /// `seL4_ARM_Page_GetAddress`, `seL4_X86_Page_GetAddress`: the physical address.
    pub fn frame_get_address(self) -> Result<usize> {
        self.request(frame::GET_ADDRESS, &[], &[])
            .map(|answer| answer[0] as usize)
    }
}
