// SPDX-License-Identifier: BSD-2-Clause
//! Exits of a vCPU, what happens to it next, and exceptions that are injected into the guest.

use crate::platform::{Platform, VcpuRegister};
use crate::registers::Registers;

/// A fault of the vCPU's thread (seL4's fault types, named by what they mean here).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// VMFault: a stage-2 abort at a guest-physical address, with ESR_EL2.
    Abort {
        /// Guest-physical address.
        address: u64,
        /// ESR_EL2.
        esr: u64,
    },
    /// VGICMaintenance: the guest has ended the interrupt in this list register. `None`: no register was named.
    Maintenance(Option<usize>),
    /// VCPUFault: a trap, with ESR_EL2.
    Trap(u64),
    /// VPPIEvent: a private interrupt of the vCPU's own hardware, masked until it is acknowledged.
    PrivateInterrupt(u16),
    /// UnknownSyscall: the guest executed HVC, which seL4 takes for a system call.
    Hypercall,
    /// Any other fault.
    Other(u64),
}

/// What is to be done with the vCPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It continues with the registers as they are now.
    Run,
    /// It stays stopped until it is among those that go on ([`Vm::take_going`](crate::Vm::take_going)); the registers are to be
    /// written now. Then it continues, or starts anew ([`Vm::start`](crate::Vm::start)).
    Wait,
    /// The guest's run has ended: no vCPU runs again.
    Stop(Stop),
}

/// Why a guest's run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// PSCI SYSTEM_OFF.
    Off,
    /// PSCI SYSTEM_RESET of a guest whose boot images are not kept: it cannot be started again.
    Reset,
    /// PSCI CPU_OFF of the only vCPU that was on.
    CpuOff,
    /// A fault that no guest can cause on a sound kernel; its number.
    Unexpected(u64),
}

impl Stop {
    /// For the log.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Off => "powered off",
            Self::Reset => "asked for a reset; not started again",
            Self::CpuOff => "turned its last CPU off",
            Self::Unexpected(_) => "stopped by an unexpected fault",
        }
    }
}

/// An exception for EL1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// A synchronous external abort on a data access or an instruction fetch.
    ExternalAbort {
        /// Of an instruction fetch.
        fetch: bool,
    },
    /// An instruction that is not there.
    Undefined,
}

/// Makes the vCPU take `exception` at EL1 instead of the instruction at `pc` (Arm ARM D1.4.1, D1.3.2).
pub fn take_exception(
    exception: Exception,
    vcpu: usize,
    registers: &mut dyn Registers,
    platform: &mut dyn Platform,
) {
    const EL1H_MASKED: u64 = 0x3c5;
    const IL: u64 = 1 << 25;
    /// The faulting address is not known: FAR is not valid.
    const FNV: u64 = 1 << 10;
    const EXTERNAL: u64 = 0x10;
    let from_el0 = registers.spsr() & 0xf == 0;
    let esr = match exception {
        Exception::Undefined => IL,
        Exception::ExternalAbort { fetch } => {
            let lower = if fetch { 0x20 } else { 0x24 };
            (lower + u64::from(!from_el0)) << 26 | IL | FNV | EXTERNAL
        }
    };
    let vector = match registers.spsr() & 0xf {
        0 => 0x400,
        4 => 0x000,
        _ => 0x200,
    };
    platform.write_vcpu(vcpu, VcpuRegister::Esr, esr);
    platform.write_vcpu(vcpu, VcpuRegister::Elr, registers.pc());
    platform.write_vcpu(vcpu, VcpuRegister::Spsr, registers.spsr());
    let base = platform.read_vcpu(vcpu, VcpuRegister::Vbar);
    registers.set_pc(base.wrapping_add(vector));
    registers.set_spsr(EL1H_MASKED);
}
