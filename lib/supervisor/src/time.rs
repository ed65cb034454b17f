// SPDX-License-Identifier: BSD-2-Clause
//! The clock, and the alarm, a wake-up time that `timer` keeps for `update`.

use molt_clock::{Frequency, Ticks};
use molt_system::NONE;

use crate::Kernel;

/// Clock and alarm.
pub struct Clock {
    frequency: Frequency,
    timer: Option<u32>,
    alarm: Option<Ticks>,
}

impl Clock {
    /// A clock with the plan's channel to `timer`.
    pub fn new<'m>(kernel: &impl Kernel<'m>, channel: u32) -> Self {
        Self {
            frequency: kernel.frequency(),
            timer: (channel != NONE).then_some(channel),
            alarm: None,
        }
    }

    /// The clock in ns.
    pub fn ns<'m>(&self, kernel: &impl Kernel<'m>) -> u64 {
        self.frequency.ns(kernel.now())
    }

    /// The clock in us.
    pub fn us<'m>(&self, kernel: &impl Kernel<'m>) -> u64 {
        self.ns(kernel) / 1000
    }

    /// A value of the counter in ns.
    pub fn ns_of(&self, ticks: u64) -> u64 {
        self.frequency.ns(Ticks(ticks))
    }

    /// Asks to be woken at a time in us, or earlier. A time that has passed causes a wake-up at once. An alarm that is set for
    /// an earlier time is kept, and at that wake-up the next one is set. So the deadlines of a blackout, which are later than
    /// that of the heartbeat, need no call to the timer.
    pub fn wake_at<'m>(&mut self, kernel: &impl Kernel<'m>, us: Option<u64>) {
        let Some(us) = us else {
            return;
        };
        let at = Ticks(self.frequency.ticks(us.saturating_mul(1000)).0.max(1));
        if self.alarm.is_some_and(|set| set <= at) {
            return;
        }
        self.alarm = Some(at);
        if let Some(timer) = self.timer {
            kernel.wake_at(timer, at);
        }
    }

    /// The alarm has gone off. The next one is set even if its time is the same.
    pub fn woken<'m>(&mut self, kernel: &impl Kernel<'m>) {
        if self.alarm.is_some_and(|at| at <= kernel.now()) {
            self.alarm = None;
        }
    }

    /// The timer was set elsewhere. The next alarm is set even if its time is the same.
    #[cfg(feature = "probe-old")]
    pub fn woken_early(&mut self) {
        self.alarm = None;
    }
}
