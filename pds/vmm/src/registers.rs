// SPDX-License-Identifier: BSD-2-Clause
//! The vCPU's registers at an exit: read from the kernel when they are asked for, and as few as are needed.

use molt_vmm::Registers;
use sel4::{Result, UserContext, Word};
use sel4_extra::Vcpu;

/// Words of a context (`seL4_UserContext`): PC, SP, SPSR, X0 and so on.
const PC: Word = 1;
const SPSR: Word = 3;
const ALL: Word = 36;

/// The registers.
pub struct Lazy {
    vcpu: Vcpu,
    context: UserContext,
    /// So many words of the context are there, and the PC perhaps by itself.
    there: Word,
    has_pc: bool,
    /// The PC was changed, or more.
    changed: Changed,
    /// The kernel did not give them.
    failed: Option<sel4::Error>,
}

/// What the model has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing.
    Nothing,
    /// The PC, to this.
    Pc(Word),
    /// More: [`Lazy::write`] does it.
    More,
}

impl Lazy {
    /// Of this vCPU. `pc` where the exit's message had it.
    pub fn new(vcpu: Vcpu, pc: Option<Word>) -> Self {
        let mut context = UserContext::default();
        *context.pc_mut() = pc.unwrap_or(0);
        Self {
            vcpu,
            context,
            there: 0,
            has_pc: pc.is_some(),
            changed: Changed::Nothing,
            failed: None,
        }
    }

    /// What was changed.
    ///
    /// # Errors
    /// The registers could not be read: there is no vCPU any more.
    pub fn changed(&self) -> Result<Changed> {
        self.failed.map_or(Ok(self.changed), Err)
    }

    /// Writes what was changed, and lets the vCPU go on if `resume`.
    pub fn write(&mut self, resume: bool) -> Result<()> {
        self.vcpu
            .tcb()
            .tcb_write_registers(resume, self.there.max(PC), &mut self.context)
    }

    /// Reads the first `count` words.
    fn need(&mut self, count: Word) {
        if self.there >= count {
            return;
        }
        let pc = *self.context.pc();
        // More than one register is rarely asked for, but then all may be.
        let count = if self.there == 0 { count } else { ALL };
        match self.vcpu.tcb().tcb_read_registers(false, count) {
            Ok(context) => self.context = context,
            Err(error) => self.failed = Some(error),
        }
        if self.has_pc {
            *self.context.pc_mut() = pc;
        }
        self.has_pc = true;
        self.there = count;
    }
}

impl Registers for Lazy {
    fn pc(&mut self) -> u64 {
        if !self.has_pc {
            self.need(PC);
        }
        *self.context.pc()
    }

    fn set_pc(&mut self, pc: u64) {
        self.has_pc = true;
        *self.context.pc_mut() = pc;
        if self.changed != Changed::More {
            self.changed = Changed::Pc(pc);
        }
    }

    fn spsr(&mut self) -> u64 {
        self.need(SPSR);
        *self.context.spsr()
    }

    fn set_spsr(&mut self, spsr: u64) {
        self.need(SPSR);
        *self.context.spsr_mut() = spsr;
        self.changed = Changed::More;
    }

    fn get(&mut self, n: u8) -> u64 {
        if n > 30 {
            return 0;
        }
        self.need(ALL);
        *self.context.gpr(n.into())
    }

    fn set(&mut self, n: u8, value: u64) {
        if n > 30 {
            return;
        }
        self.need(ALL);
        *self.context.gpr_mut(n.into()) = value;
        self.changed = Changed::More;
    }
}
