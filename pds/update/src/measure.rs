// SPDX-License-Identifier: BSD-2-Clause
//! How long a blackout was, and how long each stage took.

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
            *self = Self {
                blackout: self.blackout,
                ..Self::default()
            };
        }
        for (place, (ends, _)) in self.stages.iter_mut().zip(STAGES) {
            if ends == status && *place == 0 {
                *place = now.saturating_sub(self.since);
            }
        }
        self.since = now;
    }

    /// The stages that were gone through, in order, with their times in ns.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let stages = STAGES.iter().zip(self.stages);
        stages
            .filter(|(_, ns)| *ns > 0)
            .map(|((_, name), ns)| (*name, ns))
    }

    /// The generation with this newest completion is about to lose the device. Returns whether a blackout begins here: then
    /// the scheduling contexts are to be read, and the reading thrown away.
    pub fn denying(&mut self, last: u64) -> bool {
        let goes_on = self.blackout.is_some_and(|b| last == 0 || !b.granted);
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

    /// It has lost it; this was its newest completion.
    pub fn denied(&mut self, last: u64) {
        if let Some(blackout) = &mut self.blackout
            && !blackout.granted
        {
            blackout.last = blackout.last.max(last);
        }
    }

    /// Another generation has it.
    pub fn granted(&mut self) {
        if let Some(blackout) = &mut self.blackout {
            blackout.granted = true;
        }
    }

    /// The generation that has it submitted at CNTPCT `submission` and completed at `completion`, each for the first time
    /// (0: not yet). `consumed` reads the scheduling contexts. Returns length in ticks and execution time in us, at the end.
    pub fn resumed(
        &mut self,
        submission: u64,
        completion: u64,
        consumed: impl FnOnce() -> u64,
    ) -> Option<(u64, u64)> {
        let blackout = self.blackout.as_mut().filter(|b| b.granted)?;
        if submission == 0 && completion == 0 {
            return None;
        }
        let cpu = *blackout.cpu_us.get_or_insert_with(consumed);
        if completion == 0 {
            return None;
        }
        let last = blackout.last;
        self.blackout = None;
        (last != 0).then(|| (completion.saturating_sub(last), cpu))
    }
}
