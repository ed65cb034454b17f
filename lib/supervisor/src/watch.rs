// SPDX-License-Identifier: BSD-2-Clause
//! Which signs of life of the generation that serves are outstanding.

/// How often the counters are read during probation, in us.
const POLL_US: u64 = 2_000;

/// The watch over the generation that holds the device.
#[derive(Default)]
pub struct Watch {
    /// Number of the sign of life that was asked for.
    beat: Option<u64>,
    /// When probation looks at the counters again, in us.
    poll: Option<u64>,
}

impl Watch {
    /// The gates are open: probation begins.
    pub fn begin(&mut self) {
        self.poll = Some(0);
    }

    /// The generation is being stopped.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// A sign of life was asked for.
    pub fn asked(&mut self, beat: u64) {
        self.beat = Some(beat);
    }

    /// Whether the sign of life that was asked for is there. Says so once.
    pub fn answered(&mut self, beat: u64) -> bool {
        let answered = self.beat == Some(beat);
        if answered {
            self.beat = None;
        }
        answered
    }

    /// Whether the counters are to be read now. `done`: they have come as far as probation asks, and need not be read again.
    pub fn look(&mut self, now: u64, done: bool) -> bool {
        let due = self.poll.is_some_and(|at| at <= now || done);
        if due {
            self.poll = (!done).then_some(now + POLL_US);
        }
        due
    }

    /// When the counters are to be read next, in us.
    pub fn due(&self) -> Option<u64> {
        self.poll
    }
}
