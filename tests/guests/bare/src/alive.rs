// SPDX-License-Identifier: BSD-2-Clause
//! Signs of life: a line on the console at each interrupt of the virtual timer.

use crate::console::say;
use crate::interrupts::Gic;
use crate::processor;

/// The virtual timer's interrupt (Arm DEN 0094, PPI assignments).
pub const INTERRUPT: u32 = 27;

/// The timer, set anew each time.
pub struct Alive {
    period_ms: u64,
    count: u64,
}

impl Alive {
    /// Prints a line every `period_ms` milliseconds; never if it is 0.
    pub fn new(gic: &Gic, period_ms: u64) -> Self {
        let alive = Self {
            period_ms,
            count: 0,
        };
        if period_ms > 0 {
            gic.enable(INTERRUPT);
            processor::set_timer(period_ms);
        }
        alive
    }

    /// The timer's interrupt is there.
    pub fn expired(&mut self) {
        processor::set_timer(self.period_ms);
        self.count += 1;
        say!("alive {}", self.count);
    }
}
