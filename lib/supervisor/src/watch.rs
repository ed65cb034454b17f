// SPDX-License-Identifier: BSD-2-Clause
//! The supervision of the generation that serves: its heartbeats, and its counters during probation.

use molt_control::ReportView;

/// How often the counters are read during probation, in us.
const POLL_US: u64 = 2_000;

/// The watch over the generation that holds the device.
#[derive(Default)]
pub struct Watch {
    /// Number of the heartbeat that was asked for.
    beat: Option<u64>,
    /// When probation looks at the counters again, in us.
    poll: Option<u64>,
    /// Clients that claimed to wait for requests at the last look, one bit each.
    owing: u8,
    /// The image has been committed.
    proven: bool,
    /// Completions and errors of the last generation of a committed image.
    before: (u64, u64),
}

impl Watch {
    /// The gates are open: probation begins.
    pub fn begin(&mut self) {
        self.poll = Some(0);
        self.proven = false;
    }

    /// The generation runs the committed image.
    pub fn proven(&mut self) {
        self.proven = true;
    }

    /// The generation is being replaced, with these counters.
    pub fn leaving(&mut self, report: ReportView) {
        if self.proven && report.completions() > 0 {
            self.before = (report.completions(), report.errors());
        }
    }

    /// The generation is being stopped.
    pub fn end(&mut self) {
        *self = Self {
            before: self.before,
            ..Self::default()
        };
    }

    /// A heartbeat was asked for.
    pub fn asked(&mut self, beat: u64) {
        self.beat = Some(beat);
    }

    /// Whether the heartbeat that was asked for is answered. Returns `true` only once for each.
    pub fn answered(&mut self, beat: u64) -> bool {
        let answered = self.beat == Some(beat);
        if answered {
            self.beat = None;
        }
        answered
    }

    /// Whether the counters have to be read now: at intervals, or at once if that is `wanted`. `done`: they have reached what
    /// probation asks for, and need not be read again.
    pub fn look(&mut self, now: u64, wanted: bool, done: bool) -> bool {
        let due = self.poll.is_some_and(|at| at <= now || wanted);
        if due {
            self.poll = (!done).then_some(now + POLL_US);
        }
        due
    }

    /// Records the clients that claim to wait for requests.
    pub fn owed(&mut self, owing: u8) {
        self.owing = owing;
    }

    /// The clients that claimed so at the last look.
    pub fn owing(&self) -> u8 {
        self.owing
    }

    /// How many errors are expected among `completions`: twice the rate that the committed image had.
    pub fn expected(&self, completions: u64) -> u64 {
        let (before, errors) = self.before;
        let twice = errors.saturating_mul(2).min(before);
        let expected = u128::from(completions) * u128::from(twice);
        let expected = expected.div_ceil(u128::from(before.max(1)));
        u64::try_from(expected).unwrap_or(u64::MAX)
    }

    /// When the counters are to be read next, in us.
    pub fn due(&self) -> Option<u64> {
        self.poll
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_old_rate_and_no_more_than_all() {
        let watch = |before| Watch {
            before,
            ..Watch::default()
        };
        assert_eq!(watch((0, 0)).expected(64), 0, "nothing is known");
        assert_eq!(watch((1000, 0)).expected(64), 0);
        assert_eq!(watch((100, 5)).expected(10), 1);
        assert_eq!(watch((100, 5)).expected(64), 7, "6.4, rounded up");
        assert_eq!(watch((10, 9)).expected(64), 64);
        assert_eq!(watch((10, u64::MAX)).expected(u64::MAX), u64::MAX);
    }
}
