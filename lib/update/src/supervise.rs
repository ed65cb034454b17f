// SPDX-License-Identifier: BSD-2-Clause
//! Signs of life for as long as a generation serves, and probation at the beginning of that.

use crate::action::push;
use crate::phase::Phase;
use crate::{Action, Actions, Config, Generation, Machine, Micros, Reason};

/// Signs of life in a row that may be missed, each after a fresh wait: one may fall into a pause of the whole machine.
const MISSED: u8 = 2;

/// What a generation has done, and what is wanted of it: see [`crate::Event::Health`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub completions: u64,
    pub errors: u64,
    pub expected: u64,
    pub owed: u64,
}

/// What is known of the generation that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    /// When the next sign of life is asked for, and the last one must be there.
    beat: Micros,
    /// So many in a row were asked for and are not there: the last one may still come.
    silent: u8,
    /// End of probation; none once it is passed.
    probation: Option<Micros>,
    /// Should probation end now: slow is not failed, but leaving all that was asked for unanswered is.
    excused: bool,
}

impl Watch {
    pub fn new(now: Micros, config: &Config) -> Self {
        Self {
            beat: now + config.beat,
            silent: 0,
            probation: Some(now + config.probation),
            excused: true,
        }
    }

    pub fn due(&self) -> Micros {
        self.probation.map_or(self.beat, |p| p.min(self.beat))
    }

    pub fn rebase(&mut self, now: Micros) {
        self.beat = self.beat.saturating_sub(now);
        self.probation = self.probation.map(|p| p.saturating_sub(now));
    }
}

impl Machine {
    pub(crate) fn beat(&mut self, generation: Generation) {
        if let (Some(watch), Some(holder)) = (&mut self.watch, self.holder)
            && holder.generation == generation
        {
            watch.silent = 0;
        }
    }

    pub(crate) fn health(
        &mut self,
        now: Micros,
        generation: Generation,
        counts: Counts,
        out: &mut Actions,
    ) {
        let (Some(watch), Some(holder)) = (&mut self.watch, self.holder) else {
            return;
        };
        if holder.generation != generation || watch.probation.is_none() {
            return;
        }
        if counts.errors > self.config.errors_allowed.saturating_add(counts.expected) {
            return self.holder_failed(now, Reason::ErrorRate, out);
        }
        let good = counts.completions.saturating_sub(counts.errors);
        watch.excused = good > 0 || counts.owed == 0 && counts.errors == 0;
        if good >= self.config.probation_completions {
            self.passed(now, out);
        }
    }

    pub(crate) fn tick_watch(&mut self, now: Micros, out: &mut Actions) {
        let (Some(watch), Some(holder)) = (&mut self.watch, self.holder) else {
            return;
        };
        if watch.silent >= MISSED && watch.beat <= now {
            return self.holder_failed(now, Reason::Heartbeat, out);
        }
        if watch.probation.is_some_and(|end| end <= now) {
            if watch.silent > 0 {
                // The heartbeat must hold to the end: it is decided when the sign of life is there, or due.
                watch.probation = Some(watch.beat);
            } else if watch.excused {
                self.passed(now, out);
            } else {
                return self.holder_failed(now, Reason::ProbationTimeout, out);
            }
        }
        if let Some(watch) = &mut self.watch
            && watch.beat <= now
        {
            watch.silent += 1;
            watch.beat = now + self.config.beat;
            push(out, Action::AskBeat(holder.generation));
        }
    }

    fn passed(&mut self, now: Micros, out: &mut Actions) {
        if let Some(watch) = &mut self.watch {
            watch.probation = None;
        }
        if self.phase == Phase::Probation {
            self.commit(out);
        }
        self.starts = 0;
        self.settled = Some(now.saturating_add(self.config.settled));
    }
}
