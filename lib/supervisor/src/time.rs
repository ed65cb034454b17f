// SPDX-License-Identifier: BSD-2-Clause
//! The clock, and the one alarm that the timer PD keeps for us.

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
    /// With the plan's channel to the timer.
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

    /// Asks to be woken at a point in us, or earlier. A time that has passed wakes at once. An alarm that is set for an
    /// earlier time stays: at that wake-up the next one is set. So the deadlines of a blackout, which lie behind that of a
    /// sign of life, take no calls to the timer.
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

    /// The alarm has gone off; the next one is set whatever it is.
    pub fn woken<'m>(&mut self, kernel: &impl Kernel<'m>) {
        if self.alarm.is_some_and(|at| at <= kernel.now()) {
            self.alarm = None;
        }
    }

    /// Somebody else has set the timer: the next alarm is set whatever it is.
    #[cfg(feature = "probe-old")]
    pub fn woken_early(&mut self) {
        self.alarm = None;
    }
}
