// SPDX-License-Identifier: BSD-2-Clause
//! Measures how long a blackout was, how much of it was execution, and how long each stage took.
//!
//! A blackout lasts from the old generation's last completion until `update` sees the new one's first. Its execution time
//! is read from the scheduling contexts twice: when `update` sees the last completion (the value until then is discarded),
//! and when it sees the new generation's first submission. On one core the second span is within the first, so the
//! execution time is never longer than the blackout.

use molt_doorbell::Status;

/// Names of the stages, each by the status that ends it.
const STAGES: [(Status, &str); 9] = [
    (Status::Confirmed, "confirm"),
    (Status::Verified, "verify"),
    (Status::Staged, "build"),
    (Status::Transferred, "transfer"),
    (Status::Quiesced, "quiesce"),
    (Status::Denied, "deny"),
    (Status::Granted, "grant"),
    (Status::Probation, "ready"),
    (Status::Committed, "probation"),
];

/// What is being measured for one component.
#[derive(Default)]
pub struct Measure {
    /// Start of the present stage in ns, and the stages so far.
    since: u64,
    stages: [u64; STAGES.len()],
    /// The stages have been reported.
    over: bool,
    blackout: Option<Blackout>,
}

/// A blackout under way.
#[derive(Clone, Copy)]
struct Blackout {
    /// CNTPCT at the last completion before it; 0: there was none.
    last: u64,
    /// A generation has been granted the device since.
    granted: bool,
    /// Execution time in us up to the first submission, once that is known.
    cpu_us: Option<u64>,
}

impl Measure {
    /// A status has been reached. An offer starts a new measurement.
    pub fn reached(&mut self, status: Status, now: u64) {
        if status == Status::Offered {
            self.begin(now);
        }
        for (place, (ends, _)) in self.stages.iter_mut().zip(STAGES) {
            if ends == status && *place == 0 {
                *place = now.saturating_sub(self.since);
            }
        }
        self.since = now;
        self.over = status.is_final();
        if status == Status::OutOfService {
            // This blackout has no end.
            self.blackout = None;
        }
    }

    /// Clients have deferred the update until now: that is no part of a stage.
    pub fn waited(&mut self, now: u64) {
        self.since = now;
    }

    fn begin(&mut self, now: u64) {
        (self.since, self.stages, self.over) = (now, Default::default(), false);
    }

    /// The stages that were gone through, in order, with their times in ns.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let stages = STAGES.iter().zip(self.stages);
        stages
            .filter(|(_, ns)| *ns > 0)
            .map(|((_, name), ns)| (*name, ns))
    }

    /// The generation with this newest completion is losing the device. Returns whether a blackout begins here, or begins anew
    /// because there was a completion since the last look: then the caller reads the scheduling contexts and discards the values.
    pub fn denying(&mut self, last: u64, now: u64) -> bool {
        if self.over {
            // A recovery without an offer.
            self.begin(now);
        }
        let goes_on = self.blackout.is_some_and(|b| {
            // A new generation that has completed nothing prolongs its predecessor's blackout.
            let newest = if b.granted { 0 } else { b.last };
            last <= newest
        });
        if !goes_on {
            self.blackout = Some(Blackout {
                last,
                granted: false,
                cpu_us: None,
            });
        }
        !goes_on
    }

    /// Whether a blackout is being measured.
    pub fn under_way(&self) -> bool {
        self.blackout.is_some()
    }

    /// Another generation has been granted the device.
    pub fn granted(&mut self) {
        if let Some(blackout) = &mut self.blackout {
            blackout.granted = true;
        }
    }

    /// Whether a generation that was granted the device in this blackout has just been seen to do something, so that the
    /// scheduling contexts are to be read now: see [`Measure::resumed`].
    pub fn resumes(&self, submitted: bool) -> bool {
        submitted
            && self
                .blackout
                .is_some_and(|b| b.granted && b.cpu_us.is_none())
    }

    /// The first submission has been seen; up to it, `cpu_us` of execution were consumed.
    pub fn resumed(&mut self, cpu_us: u64) {
        if let Some(blackout) = &mut self.blackout {
            blackout.cpu_us = Some(cpu_us);
        }
    }

    /// The new generation's first completion has been seen: ends a blackout whose first submission was seen. Returns CNTPCT at
    /// the last completion before it and its execution time in us; `None` too if there was no completion before it.
    pub fn end(&mut self) -> Option<(u64, u64)> {
        let Blackout { last, cpu_us, .. } = self.blackout?;
        let cpu_us = cpu_us?;
        self.blackout = None;
        (last != 0).then_some((last, cpu_us))
    }
}
