// SPDX-License-Identifier: BSD-2-Clause
//! x86_64, without VT-x.

pub(crate) mod abi;
mod asid;
mod cap_types;
mod fault;
mod io;
mod irq;
mod object;
mod page;
mod trap;
mod user_context;
mod vm_attributes;

pub(crate) use cap_types::with_arch_cap_types;
pub(crate) use fault::{MAX_FAULT_WORDS, with_arch_faults};
pub(crate) use page::frame;
pub(crate) use trap::trap;

/// What the crate has at its top only on this architecture.
pub(crate) mod top_level {
    pub use super::object::{
        FrameObjectType, ObjectBlueprintArch, ObjectBlueprintSeL4Arch, ObjectBlueprintX64,
        ObjectBlueprintX86, ObjectTypeArch, ObjectTypeSeL4Arch, ObjectTypeX64, ObjectTypeX86,
        TranslationTableObjectType,
    };
    pub use super::user_context::UserContext;
}

/// Slots of the root task that the kernel fills on this architecture.
pub(crate) mod slots {
    use crate::{cap_type, init_thread::Slot};

    /// The authority over I/O ports.
    pub const IO_PORT_CONTROL: Slot<cap_type::IOPortControl> = Slot::from_index(7);
    /// The authority over devices' address spaces; empty where there is no IOMMU. A copy is minted for a device.
    pub const IO_SPACE: Slot<cap_type::IOSpace> = Slot::from_index(8);
}
