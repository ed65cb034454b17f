// SPDX-License-Identifier: BSD-2-Clause
//! Measures how long a blackout was, how much of it was execution, and how long each stage took.
//!
//! A blackout lasts from the old generation's last completion until `update` sees the new one's first. Its execution time
//! is read from the scheduling contexts twice: when `update` sees the last completion (the value until then is discarded),
//! and when it sees the new generation's first submission. On one core the second span is within the first, so the
//! execution time is never longer than the blackout.

use molt_doorbell::Status;

/// Names of the stages, each by the status that ends it.
const STAGES: [(Status, &str); 8] = [
    (Status::Confirmed, "confirm"),
    (Status::Verified, "verify"),
    (Status::Staged, "build"),
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

    /// Looks, at CNTPCT `now`, whether the generation that has the device has submitted and completed. `consumed` reads the
    /// scheduling contexts. At the end of the blackout returns its length in ticks and its execution time in us.
    pub fn resumed(
        &mut self,
        submitted: bool,
        completed: bool,
        now: impl FnOnce() -> u64,
        consumed: impl FnOnce() -> u64,
    ) -> Option<(u64, u64)> {
        let blackout = self.blackout.as_mut().filter(|b| b.granted)?;
        if !submitted && !completed {
            return None;
        }
        let cpu = *blackout.cpu_us.get_or_insert_with(consumed);
        if !completed {
            return None;
        }
        let last = blackout.last;
        self.blackout = None;
        (last != 0).then(|| (now().saturating_sub(last), cpu))
    }
}
