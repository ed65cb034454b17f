// SPDX-License-Identifier: BSD-2-Clause
//! A vCPU's general registers, as far as an exit can change them.

/// Program counter, saved program status and X0 to X30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Registers {
    /// Address of the instruction that caused the exit.
    pub pc: u64,
    /// PSTATE in SPSR's format.
    pub spsr: u64,
    /// X0 to X30.
    pub x: [u64; 31],
}

impl Registers {
    /// X`n`, or 0 for the zero register (31) and what does not exist.
    #[must_use]
    pub fn get(&self, n: u8) -> u64 {
        self.x.get(usize::from(n)).copied().unwrap_or(0)
    }

    /// Sets X`n`; nothing for the zero register.
    pub fn set(&mut self, n: u8, value: u64) {
        if let Some(x) = self.x.get_mut(usize::from(n)) {
            *x = value;
        }
    }

    /// Goes on behind the instruction. A64 instructions have 4 bytes.
    pub fn skip(&mut self) {
        self.pc = self.pc.wrapping_add(4);
    }
}
