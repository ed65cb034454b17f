// SPDX-License-Identifier: BSD-2-Clause
//! AArch64, in hypervisor mode.

mod cache;
mod memory;
mod start;
mod system_call;
mod vcpu;

pub use cache::{FrameExt, PtExt, VSpaceExt};
pub use memory::{TABLES, VSPACE, device, normal};
pub use system_call::system_call;
pub use vcpu::{BASE_VCPU_SLOT, BASE_VM_TCB_SLOT, Vcpu};

/// Whether a message can be one of the faults that this architecture has or fills in its own way.
pub(crate) fn is_fault(label: u64, length: usize) -> bool {
    // Unknown system call, GIC maintenance, vCPU fault, VPPI event (not of one length).
    matches!((label, length), (2, 13) | (7 | 8, 1) | (9, _))
}
