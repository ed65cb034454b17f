// SPDX-License-Identifier: BSD-2-Clause
//! The first watchdog: it resets the controller unless it is restarted in time.

use crate::registers::Registers;

const RELOAD: usize = 0x04;
const RESTART: usize = 0x08;
const CONTROL: usize = 0x0c;
const MAGIC: u32 = 0x4755;
/// Enabled, by the clock of 1 MHz, and resets the chip.
const RUN: u32 = 1 << 0 | 1 << 1 | 1 << 4;

/// The watchdog.
#[derive(Debug)]
pub struct Watchdog(Registers);

impl Watchdog {
    pub(crate) fn new(registers: Registers) -> Self {
        Self(registers)
    }

    /// Starts it, or starts it anew with another time, in microseconds. It runs on in the next program.
    pub fn start(&mut self, time: u32) {
        self.0.write(RELOAD, time);
        self.restart();
        self.0.write(CONTROL, RUN);
    }

    /// Begins its time anew.
    pub fn restart(&mut self) {
        self.0.write(RESTART, MAGIC);
    }
}
