// SPDX-License-Identifier: BSD-2-Clause
//! The time: the first timer counts microseconds down from the largest number.

use crate::registers::Registers;

const COUNT: usize = 0x00;
const RELOAD: usize = 0x04;
const CONTROL: usize = 0x30;
/// Enabled, by the clock of 1 MHz.
const RUN: u32 = 0b11;

/// The time since the program was started.
#[derive(Debug)]
pub struct Clock {
    timer: Registers,
    last: u32,
    passed: u64,
}

impl Clock {
    pub(crate) fn new(timer: Registers) -> Self {
        timer.write(CONTROL, 0);
        timer.write(RELOAD, u32::MAX);
        timer.write(COUNT, u32::MAX);
        timer.write(CONTROL, RUN);
        let last = timer.read(COUNT);
        Self {
            timer,
            last,
            passed: 0,
        }
    }

    /// In microseconds. To be asked at least once in an hour, since the timer goes round.
    pub fn now(&mut self) -> u64 {
        let count = self.timer.read(COUNT);
        self.passed += u64::from(self.last.wrapping_sub(count));
        self.last = count;
        self.passed
    }
}
