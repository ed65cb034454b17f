// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of virtual processors.

use crate::{InvocationContext, Result, Word, cap, sys::invocation_label as label};

/// A register of a vCPU (`seL4_VCPUReg`). Upstream names no others; the kernel has 13, 16 and 23 as well.
#[repr(u64)]
#[allow(missing_docs, non_camel_case_types)]
pub enum VCpuReg {
    SCTLR = 0,
    CPACR = 1,
    TTBR0 = 2,
    TTBR1 = 3,
    TCR = 4,
    MAIR = 5,
    AMAIR = 6,
    CIDR = 7,
    ACTLR = 8,
    AFSR0 = 9,
    AFSR1 = 10,
    ESR = 11,
    FAR = 12,
    VBAR = 14,
    TPIDR_EL1 = 15,
    SP_EL1 = 17,
    ELR_EL1 = 18,
    SPSR_EL1 = 19,
    CNTV_CTL = 20,
    CNTV_CVAL = 21,
    CNTVOFF = 22,
}

impl VCpuReg {
    /// The kernel's number.
    pub const fn into_sys(self) -> Word {
        self as Word
    }
}

impl<C: InvocationContext> cap::VCpu<C> {
    /// `seL4_ARM_VCPU_SetTCB`: the thread that runs it.
    pub fn vcpu_set_tcb(self, tcb: cap::Tcb) -> Result<()> {
        self.order(label::ARMVCPUSetTCB, &[tcb.bits()], &[])
    }

    /// `seL4_ARM_VCPU_ReadRegs`.
    pub fn vcpu_read_regs(self, field: VCpuReg) -> Result<Word> {
        self.request(label::ARMVCPUReadReg, &[], &[field.into_sys()])
            .map(|answer| answer[0])
    }

    /// `seL4_ARM_VCPU_WriteRegs`.
    pub fn vcpu_write_regs(self, field: VCpuReg, value: Word) -> Result<()> {
        self.order(label::ARMVCPUWriteReg, &[], &[field.into_sys(), value])
    }

    /// `seL4_ARM_VCPU_AckVPPI`: `irq` (27: the virtual timer) may come again.
    pub fn vcpu_ack_vppi(self, irq: Word) -> Result<()> {
        self.order(label::ARMVCPUAckVPPI, &[], &[irq])
    }

    /// `seL4_ARM_VCPU_InjectIRQ`: puts `virq` in list register `index`.
    pub fn vcpu_inject_irq(self, virq: u16, priority: u8, group: u8, index: u8) -> Result<()> {
        let word = Word::from(virq)
            | Word::from(priority) << 16
            | Word::from(group) << 24
            | Word::from(index) << 32;
        self.order(label::ARMVCPUInjectIRQ, &[], &[word])
    }
}
