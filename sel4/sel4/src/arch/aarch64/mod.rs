// SPDX-License-Identifier: BSD-2-Clause
//! AArch64, in hypervisor mode.

pub(crate) mod abi;
mod asid;
mod cap_types;
mod fault;
mod irq;
mod object;
mod page;
mod trap;
mod user_context;
mod vcpu;
mod vm_attributes;

pub(crate) use cap_types::with_arch_cap_types;
pub(crate) use fault::{MAX_FAULT_WORDS, with_arch_faults};
pub(crate) use page::frame;
pub(crate) use trap::trap;

/// What the crate has at its top only on this architecture.
pub(crate) mod top_level {
    pub use super::fault::{VCpuFault, VGicMaintenance, VPpiEvent};
    pub use super::object::{
        FrameObjectType, ObjectBlueprintAArch64, ObjectBlueprintArch, ObjectBlueprintArm,
        ObjectBlueprintSeL4Arch, ObjectTypeAArch64, ObjectTypeArch, ObjectTypeArm,
        ObjectTypeSeL4Arch, TranslationTableObjectType,
    };
    pub use super::user_context::UserContext;
    pub use super::vcpu::VCpuReg;
}

/// Slots of the root task that the kernel fills on this architecture.
pub(crate) mod slots {
    use crate::{cap_type, init_thread::Slot};

    /// Nothing on Arm.
    pub const IO_PORT_CONTROL: Slot<cap_type::Null> = Slot::from_index(7);
}
