// SPDX-License-Identifier: BSD-2-Clause
//! Why the kernel was entered, and what runs when it is left.

use crate::hardware::{TcbId, VcpuId};

/// An entry into the kernel. The arch part has saved the registers of the thread that ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// `svc #0`: number in x7, arguments in x0..x8.
    Syscall,
    /// An interrupt is (or was) pending; the core takes it from the controller. Also the way in
    /// from idle.
    Interrupt,
    /// A translation or permission fault of stage 2.
    VmFault {
        /// Virtual address, or the guest-physical one where a vCPU was loaded.
        address: u64,
        /// `ESR_EL2`.
        fsr: u64,
        /// Instruction fetch.
        prefetch: bool,
    },
    /// Any other synchronous exception of a native thread: undefined instruction, alignment.
    UserException {
        /// `ESR_EL2`.
        number: u64,
        /// 0 on this architecture.
        code: u64,
    },
    /// A trap for the monitor of the virtual machine (also a native thread's access to a trapped
    /// system register).
    VcpuFault {
        /// `ESR_EL2`.
        hsr: u64,
    },
}

/// What the hardware-dependent part has to run after [`crate::Kernel::handle`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Running {
    /// The thread whose registers are to be loaded.
    pub thread: TcbId,
    /// Physical address of the root translation table (8 KiB, level 1 concatenated); `None`: the
    /// thread has no address space any more, load an empty one.
    pub root: Option<u64>,
    /// The address space's identifier; meaningful where `root` is given.
    pub asid: u16,
    /// The vCPU bound to the thread.
    pub vcpu: Option<VcpuId>,
    /// `seL4_TCBFlag_fpuDisabled`.
    pub fpu_disabled: bool,
}
