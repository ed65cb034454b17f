// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of I/O ports and of devices' address spaces.

use crate::{
    AbsoluteCPtr, Cap, CapRights, CapTypeForFrameObject, InvocationContext, Result, Word, cap,
    sys::invocation_label as label,
};

impl<C: InvocationContext> cap::IOPortControl<C> {
    /// `seL4_X86_IOPortControl_Issue`: a capability to the ports `first` to `last`.
    pub fn ioport_control_issue(self, first: Word, last: Word, dst: &AbsoluteCPtr) -> Result<()> {
        self.order(
            label::X86IOPortControlIssue,
            &[dst.root().bits()],
            &[first, last, dst.path().bits(), dst.path().depth() as Word],
        )
    }
}

macro_rules! ports {
    ($($read:ident, $in:ident, $write:ident, $out:ident, $ty:ty;)*) => {
        impl<C: InvocationContext> cap::IOPort<C> {
            $(
                #[doc = concat!("Reads from a port of the range: `seL4_", stringify!($in), "`.")]
                pub fn $read(self, port: u16) -> Result<$ty> {
                    self.request(label::$in, &[], &[port.into()])
                        .map(|answer| answer[0] as $ty)
                }

                #[doc = concat!("Writes to a port of the range: `seL4_", stringify!($out), "`.")]
                pub fn $write(self, port: u16, data: $ty) -> Result<()> {
                    self.order(label::$out, &[], &[port.into(), data.into()])
                }
            )*
        }
    };
}

ports! {
    ioport_in8, X86IOPortIn8, ioport_out8, X86IOPortOut8, u8;
    ioport_in16, X86IOPortIn16, ioport_out16, X86IOPortOut16, u16;
    ioport_in32, X86IOPortIn32, ioport_out32, X86IOPortOut32, u32;
}

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// `seL4_X86_Page_MapIO`: a page of 4 KiB at `ioaddr` of a device's address space.
    pub fn io_frame_map(
        self,
        iospace: cap::IOSpace,
        rights: CapRights,
        ioaddr: Word,
    ) -> Result<()> {
        self.order(
            label::X86PageMapIO,
            &[iospace.bits()],
            &[rights.into_word(), ioaddr],
        )
    }
}

impl<C: InvocationContext> cap::IOPageTable<C> {
    /// `seL4_X86_IOPageTable_Map`: at the highest level that misses a table for `ioaddr`.
    pub fn io_page_table_map(self, iospace: cap::IOSpace, ioaddr: Word) -> Result<()> {
        self.order(label::X86IOPageTableMap, &[iospace.bits()], &[ioaddr])
    }

    /// `seL4_X86_IOPageTable_Unmap`: what is mapped in the table stays in it.
    pub fn io_page_table_unmap(self) -> Result<()> {
        self.order(label::X86IOPageTableUnmap, &[], &[])
    }
}
