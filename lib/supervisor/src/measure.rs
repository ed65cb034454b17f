// SPDX-License-Identifier: BSD-2-Clause
//! How long a blackout was, how much of it was execution, and how long each stage took.
//!
//! A blackout lasts from the old generation's last completion to the look of `update` that sees the new one's first. Its
//! execution time is read from the scheduling contexts twice: at the look that sees the last completion, where what they
//! had used so far is thrown away, and at the look that sees the new generation's first submission. On one core the
//! second span lies within the first, so the execution time is never the longer of the two.

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
    /// They have been reported.
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
    /// A status has been reached. An offer begins anew.
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
            // There is no end of it.
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

    /// The generation with this newest completion is losing the device. Returns whether a blackout begins here, or anew
    /// because there was a completion since the last look: then the scheduling contexts are to be read, and the reading
    /// thrown away.
    pub fn denying(&mut self, last: u64, now: u64) -> bool {
        if self.over {
            // A recovery that no offer has begun.
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

    /// Another generation has it.
    pub fn granted(&mut self) {
        if let Some(blackout) = &mut self.blackout {
            blackout.granted = true;
        }
    }

    /// The generation that has it has submitted and completed, or not, at the look at CNTPCT `now`. `consumed` reads the
    /// scheduling contexts. Returns length in ticks and execution time in us, at the end.
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
