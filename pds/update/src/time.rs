// SPDX-License-Identifier: BSD-2-Clause
//! The clock, and the one alarm that the timer PD keeps for us.

use molt_clock::{Frequency, Ticks};
use molt_system::NONE;
use sel4_microkit::{Channel, MessageInfo, set_mr};

/// Label of the timer's call.
const SET: u64 = 1;

/// Clock and alarm.
pub struct Clock {
    frequency: Frequency,
    timer: Option<Channel>,
    alarm: Option<Ticks>,
}

impl Clock {
    /// With the plan's channel to the timer.
    pub fn new(channel: u32) -> Self {
        Self {
            frequency: Frequency::of_this_machine(),
            timer: (channel != NONE).then(|| Channel::new(channel as usize)),
            alarm: None,
        }
    }

    /// CNTPCT in ns.
    pub fn ns(&self) -> u64 {
        self.frequency.ns(molt_clock::now())
    }

    /// CNTPCT in us.
    pub fn us(&self) -> u64 {
        self.ns() / 1000
    }

    /// A value of CNTPCT in ns.
    pub fn ns_of(&self, ticks: u64) -> u64 {
        self.frequency.ns(Ticks(ticks))
    }

    /// Asks to be woken at a point in us. A time that has passed wakes at once.
    pub fn wake_at(&mut self, us: Option<u64>) {
        let at = us.map(|us| self.frequency.ticks(us.saturating_mul(1000)));
        if at == self.alarm {
            return;
        }
        self.alarm = at;
        if let Some(timer) = self.timer {
            set_mr(0, at.map_or(0, |at| at.0.max(1)));
            timer.pp_call(MessageInfo::new(SET, 1));
        }
    }

    /// The alarm has gone off; the next one is set whatever it is.
    pub fn woken(&mut self) {
        if self.alarm.is_some_and(|at| at <= molt_clock::now()) {
            self.alarm = None;
        }
    }
}
