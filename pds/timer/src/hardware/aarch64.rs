// SPDX-License-Identifier: BSD-2-Clause
//! The EL1 physical timer, or a timer of the board.

use molt_clock::{Frequency, Ticks, timer};
use molt_shared::Registers;
use molt_system::TimerBrief;
use molt_ttc::Ttc;

/// What raises the interrupt.
pub enum Hardware {
    /// The EL1 physical timer, where the kernel leaves it to user programs (`EXPORT_PTMR_USER`).
    Generic,
    /// A board's own.
    Ttc(Ttc<Registers>),
}

impl Hardware {
    /// The board's own timer where the brief names one. It is stopped.
    pub fn start(brief: &TimerBrief) -> Self {
        let this = match brief.device {
            0 => Self::Generic,
            device => {
                let registers = molt_brief::registers(device, molt_brief::PAGE);
                let clock = Frequency::of_this_machine();
                Self::Ttc(Ttc::start(registers, clock.hz(), molt_clock::now))
            }
        };
        this.stop();
        this
    }

    /// Raises the interrupt at this time, which may have come; a board's own timer may raise it early.
    pub fn set(&self, at: Ticks) {
        match self {
            Self::Generic => timer::set(at),
            Self::Ttc(ttc) => ttc.set(at, molt_clock::now()),
        }
    }

    /// Stops the timer: no interrupt comes any more.
    pub fn stop(&self) {
        match self {
            Self::Generic => timer::stop(),
            Self::Ttc(ttc) => ttc.stop(),
        }
    }
}
