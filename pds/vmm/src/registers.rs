// SPDX-License-Identifier: BSD-2-Clause
//! The vCPU's registers at an exit. They are read from the kernel only when they are needed, and only as many as needed.

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
    /// The PC, which most exits' messages contain, and which often is all that is needed.
    pc: Option<Word>,
    /// The context, and the number of its words that were read.
    context: Option<(UserContext, Word)>,
    /// The PC was changed, or more.
    changed: Changed,
    /// The error with which the kernel refused to read them.
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
    /// The registers of this vCPU. `pc` is given if the exit's message has it.
    pub fn new(vcpu: Vcpu, pc: Option<Word>) -> Self {
        Self {
            vcpu,
            pc,
            context: None,
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
        let pc = self.pc();
        let Some((context, there)) = &mut self.context else {
            return Ok(());
        };
        *context.pc_mut() = pc;
        (self.vcpu.tcb()).tcb_write_registers(resume, *there, context)
    }

    /// The first `count` words of the context, read if need be; `None`: the kernel did not give them.
    fn need(&mut self, count: Word) -> Option<&mut UserContext> {
        let there = self.context.as_ref().map_or(0, |(_, there)| *there);
        if there < count {
            // More than one register is rarely asked for, but then all may be.
            let count = if there == 0 { count } else { ALL };
            match self.vcpu.tcb().tcb_read_registers(false, count) {
                Ok(context) => self.context = Some((context, count)),
                Err(error) => self.failed = Some(error),
            }
        }
        self.context.as_mut().map(|(context, _)| context)
    }
}

impl Registers for Lazy {
    fn pc(&mut self) -> u64 {
        let pc = match self.pc {
            Some(pc) => pc,
            None => self.need(PC).map_or(0, |context| *context.pc()),
        };
        self.pc = Some(pc);
        pc
    }

    fn set_pc(&mut self, pc: u64) {
        self.pc = Some(pc);
        if self.changed != Changed::More {
            self.changed = Changed::Pc(pc);
        }
    }

    fn spsr(&mut self) -> u64 {
        self.need(SPSR).map_or(0, |context| *context.spsr())
    }

    fn set_spsr(&mut self, spsr: u64) {
        if let Some(context) = self.need(SPSR) {
            *context.spsr_mut() = spsr;
        }
        self.changed = Changed::More;
    }

    fn get(&mut self, n: u8) -> u64 {
        if n > 30 {
            return 0;
        }
        self.need(ALL).map_or(0, |context| *context.gpr(n.into()))
    }

    fn set(&mut self, n: u8, value: u64) {
        if n > 30 {
            return;
        }
        if let Some(context) = self.need(ALL) {
            *context.gpr_mut(n.into()) = value;
        }
        self.changed = Changed::More;
    }
}
