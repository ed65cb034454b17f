// SPDX-License-Identifier: BSD-2-Clause
//! A thread's registers, as the arch part saves and loads them.

/// General registers of a thread. Arch saves into it on entry and loads from it on exit.
///
/// On entry arch writes `next_pc` = `ELR_EL2` (for a system call that is the instruction *after*
/// `svc`); the core derives `pc`, the place to restart at. On exit arch loads `ELR_EL2` from
/// `next_pc`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct UserContext {
    /// x0..x30.
    pub x: [u64; 31],
    /// `SP_EL0` of a native thread (of a vCPU's thread too; `SP_EL1` is vCPU state).
    pub sp: u64,
    /// The address at which the thread continues when it next runs.
    pub next_pc: u64,
    /// The instruction to restart at: the faulting one, or the `svc`. Kept by the core.
    pub pc: u64,
    /// Saved program status.
    pub spsr: u64,
    /// `TPIDR_EL0`, the TLS base.
    pub tpidr_el0: u64,
    /// `TPIDRRO_EL0`.
    pub tpidrro_el0: u64,
}

/// PSTATE of a fresh native thread: EL0t with SError and FIQ masked, IRQ open.
pub const SPSR_USER: u64 = 0x140;

impl Default for UserContext {
    fn default() -> Self {
        UserContext {
            x: [0; 31],
            sp: 0,
            next_pc: 0,
            pc: 0,
            spsr: SPSR_USER,
            tpidr_el0: 0,
            tpidrro_el0: 0,
        }
    }
}
