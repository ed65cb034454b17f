// SPDX-License-Identifier: BSD-2-Clause
//! The virtual machines of a Microkit protection domain.

use sel4::{CPtrBits, Result, UserContext, VCpuReg, Word, cap};

/// Where the Microkit CNode holds the thread of vCPU 0.
pub const BASE_VM_TCB_SLOT: CPtrBits = 266;
/// Where the Microkit CNode holds vCPU 0.
pub const BASE_VCPU_SLOT: CPtrBits = 330;

/// A vCPU of this protection domain's virtual machine, by its id (0 to 61).
///
/// Its faults arrive as those of the child with the same number
/// (`sel4_microkit::Handler::fault`). Function names are libmicrokit's, without their prefix.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Vcpu {
    index: usize,
}

impl Vcpu {
    /// vCPU `index`.
    pub const fn new(index: usize) -> Self {
        Self { index }
    }

    /// Its id.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The thread that runs it.
    pub fn tcb(&self) -> cap::Tcb {
        cap::Tcb::from_bits(BASE_VM_TCB_SLOT + self.index as CPtrBits)
    }

    /// The vCPU itself.
    pub fn vcpu(&self) -> cap::VCpu {
        cap::VCpu::from_bits(BASE_VCPU_SLOT + self.index as CPtrBits)
    }

    /// Starts it at `entry_point`, every other register as it is (0 the first time).
    pub fn restart(&self, entry_point: Word) -> Result<()> {
        let mut context = UserContext::default();
        *context.pc_mut() = entry_point;
        self.tcb().tcb_write_registers(true, 1, &mut context)
    }

    /// Writes all registers, and starts it if `resume`.
    pub fn write_registers(&self, resume: bool, context: &mut UserContext) -> Result<()> {
        self.tcb().tcb_write_all_registers(resume, context)
    }

    /// Reads all registers, as they are.
    pub fn read_registers(&self) -> Result<UserContext> {
        self.tcb().tcb_read_all_registers(false)
    }

    /// Stops it.
    pub fn stop(&self) -> Result<()> {
        self.tcb().tcb_suspend()
    }

    /// Lets it continue after [`stop`](Self::stop).
    pub fn resume(&self) -> Result<()> {
        self.tcb().tcb_resume()
    }

    /// Puts interrupt `irq` in list register `index`.
    pub fn arm_inject_irq(&self, irq: u16, priority: u8, group: u8, index: u8) -> Result<()> {
        self.vcpu().vcpu_inject_irq(irq, priority, group, index)
    }

    /// Lets the private interrupt `irq` (27: the virtual timer) come again.
    pub fn arm_ack_vppi(&self, irq: Word) -> Result<()> {
        self.vcpu().vcpu_ack_vppi(irq)
    }

    /// Reads a system register.
    pub fn arm_read_reg(&self, reg: VCpuReg) -> Result<Word> {
        self.vcpu().vcpu_read_regs(reg)
    }

    /// Writes a system register.
    pub fn arm_write_reg(&self, reg: VCpuReg, value: Word) -> Result<()> {
        self.vcpu().vcpu_write_regs(reg, value)
    }
}
