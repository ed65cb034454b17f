// SPDX-License-Identifier: BSD-2-Clause
//! A device that is used only for its interrupt: the board's PL031 clock (Arm DDI 0224), whose alarm is set to the present
//! second.

use molt_shared::Registers;

/// Time and alarm in seconds, interrupt mask, raw interrupt, interrupt clear (3.2).
const NOW: usize = 0x00;
const ALARM: usize = 0x04;
const MASK: usize = 0x10;
const RAW: usize = 0x14;
const CLEAR: usize = 0x1c;

/// The clock.
pub struct Alarm(Registers);

impl Alarm {
    /// Takes the clock over, whatever was pending.
    pub fn new(registers: Registers) -> Self {
        registers.write(CLEAR, 1);
        registers.write(MASK, 1);
        Self(registers)
    }

    /// Sets the alarm off: its line is high when this returns.
    pub fn go_off(&self) {
        // A second may end between reading the time and setting the alarm to it.
        while self.0.read(RAW) == 0 {
            self.0.write(ALARM, self.0.read(NOW));
        }
    }

    /// Takes the line down.
    pub fn clear(&self) {
        self.0.write(CLEAR, 1);
    }
}
