// SPDX-License-Identifier: BSD-2-Clause
//! A vCPU's registers that an exit can read or change.

/// Program counter, saved program status and X0 to X30 at an exit. Reading and writing them costs calls into the kernel: the
/// model asks only for what it needs.
pub trait Registers {
    /// Address of the instruction that caused the exit, or the address at which the vCPU continues.
    fn pc(&mut self) -> u64;
    /// Sets the address at which the vCPU continues.
    fn set_pc(&mut self, pc: u64);
    /// PSTATE in SPSR's format.
    fn spsr(&mut self) -> u64;
    /// Sets the PSTATE with which the vCPU continues.
    fn set_spsr(&mut self, spsr: u64);
    /// X`n`, or 0 for the zero register (31) and what does not exist.
    fn get(&mut self, n: u8) -> u64;
    /// Sets X`n`; nothing for the zero register.
    fn set(&mut self, n: u8, value: u64);

    /// Continues after the instruction. A64 instructions have 4 bytes.
    fn skip(&mut self) {
        let next = self.pc().wrapping_add(4);
        self.set_pc(next);
    }
}

/// Registers that are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Frame {
    /// Program counter.
    pub pc: u64,
    /// PSTATE in SPSR's format.
    pub spsr: u64,
    /// X0 to X30.
    pub x: [u64; 31],
}

impl Registers for Frame {
    fn pc(&mut self) -> u64 {
        self.pc
    }

    fn set_pc(&mut self, pc: u64) {
        self.pc = pc;
    }

    fn spsr(&mut self) -> u64 {
        self.spsr
    }

    fn set_spsr(&mut self, spsr: u64) {
        self.spsr = spsr;
    }

    fn get(&mut self, n: u8) -> u64 {
        self.x.get(usize::from(n)).copied().unwrap_or(0)
    }

    fn set(&mut self, n: u8, value: u64) {
        if let Some(x) = self.x.get_mut(usize::from(n)) {
            *x = value;
        }
    }
}
