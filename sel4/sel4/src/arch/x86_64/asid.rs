// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of ASID pools.

use crate::{AbsoluteCPtr, InvocationContext, Result, Word, cap, sys::invocation_label as label};

impl<C: InvocationContext> cap::AsidControl<C> {
    /// `seL4_X86_ASIDControl_MakePool`: out of an untyped of 4 KiB, into the slot `dst`.
    pub fn asid_control_make_pool(self, untyped: cap::Untyped, dst: &AbsoluteCPtr) -> Result<()> {
        self.order(
            label::X86ASIDControlMakePool,
            &[untyped.bits(), dst.root().bits()],
            &[dst.path().bits(), dst.path().depth() as Word],
        )
    }
}

impl<C: InvocationContext> cap::AsidPool<C> {
    /// `seL4_X86_ASIDPool_Assign`: an address space needs one before anything is mapped in it.
    pub fn asid_pool_assign(self, vspace: cap::VSpace) -> Result<()> {
        self.order(label::X86ASIDPoolAssign, &[vspace.bits()], &[])
    }
}
