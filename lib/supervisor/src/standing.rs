// SPDX-License-Identifier: BSD-2-Clause
//! How often a client's claims are believed.
//!
//! The claims of one client alone must not take the component away from the others. A claim that the driver broke the
//! queue's protocol, or that it leaves requests unanswered, is believed at first, since a driver may fail towards one client
//! only. If no other client makes the same claim, it is counted. A client that has made too many, or has left its gate
//! unacknowledged too often, is *fenced*: its gate stays closed and its region is not granted again, so that its guest gets
//! errors, until another client forgives it. A client without others beside it hurts only itself and is never fenced.
//! docs/threat-model.md has the limits as a table.

use molt_update::Micros;

/// How many claims against images on probation are believed; each costs one rollback.
const TRIAL: u8 = 4;
/// How many claims against the committed image are believed; fewer than it may be started.
const PROVEN: u8 = 1;
/// The number of closings in a row that a client leaves unacknowledged before it is fenced.
const LATE: u8 = 3;
/// The time in us after which one claim is forgotten.
const FORGOTTEN_US: Micros = 600_000_000;

/// Whether a client is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Standing {
    /// It is believed.
    #[default]
    Believed,
    /// It has made too many claims alone.
    Fenced,
    /// It has faulted.
    Dead,
}

impl Standing {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Believed => "believed",
            Self::Fenced => "fenced",
            Self::Dead => "dead",
        }
    }
}

/// The claims that a client has made alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// Against images on probation.
    trial: Count,
    /// Against committed images.
    proven: Count,
    /// Gates in a row not acknowledged in time.
    late: u8,
}

impl Record {
    /// It alone accuses the holder. Returns whether it is believed. `attempts`: how often the committed image may be started.
    pub fn accuses(&mut self, now: Micros, on_trial: bool, attempts: u32) -> bool {
        if on_trial {
            self.trial.add(now, TRIAL)
        } else {
            let starts = u8::try_from(attempts.saturating_sub(1)).unwrap_or(PROVEN);
            self.proven.add(now, PROVEN.min(starts))
        }
    }

    /// Another client makes the same claim about the generation that this one accused last.
    pub fn confirmed(&mut self, on_trial: bool) {
        let count = if on_trial {
            &mut self.trial
        } else {
            &mut self.proven
        };
        count.used = count.used.saturating_sub(1);
    }

    /// It has acknowledged a closed gate in time, or not. Returns whether it is still waited for.
    pub fn closed(&mut self, in_time: bool) -> bool {
        self.late = if in_time {
            0
        } else {
            self.late.saturating_add(1)
        };
        self.late < LATE
    }
}

/// A number of claims, which are forgotten one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    used: u8,
    last: Micros,
}

impl Count {
    /// Adds one, if that is within the limit.
    fn add(&mut self, now: Micros, limit: u8) -> bool {
        let forgotten = now.saturating_sub(self.last) / FORGOTTEN_US;
        self.used = self
            .used
            .saturating_sub(u8::try_from(forgotten).unwrap_or(u8::MAX));
        let believed = self.used < limit;
        if believed {
            self.used += 1;
            self.last = now;
        }
        believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_counted_and_forgotten() {
        let mut record = Record::default();
        assert!((0..4).all(|_| record.accuses(5, true, 3)));
        assert!(!record.accuses(5, true, 3), "a fifth rollback");
        record.confirmed(true);
        assert!(record.accuses(6, true, 3), "another client agreed");
        assert!(!record.accuses(7, true, 3));
        assert!(record.accuses(6 + FORGOTTEN_US, true, 3));
        assert!(!record.accuses(7 + FORGOTTEN_US, true, 3));
    }

    #[test]
    fn the_committed_image_keeps_a_start() {
        for (attempts, believed) in [(1, 0), (2, 1), (3, 1), (9, 1)] {
            let mut record = Record::default();
            let claims = (0..9).filter(|_| record.accuses(1, false, attempts));
            assert_eq!(claims.count(), believed, "of {attempts} starts");
        }
    }

    #[test]
    fn late_in_a_row() {
        let mut record = Record::default();
        assert!(record.closed(false) && record.closed(false));
        assert!(record.closed(true), "in time again");
        assert!(record.closed(false) && record.closed(false));
        assert!(!record.closed(false));
    }
}
