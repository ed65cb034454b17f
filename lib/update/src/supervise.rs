// SPDX-License-Identifier: BSD-2-Clause
//! Heartbeats for as long as a generation serves, and probation at its beginning.

use crate::action::push;
use crate::phase::Phase;
use crate::{Action, Actions, Config, Generation, Machine, Micros, Reason};

/// Heartbeats in a row that may be missed, each after a new wait: one may fall into a pause of the whole machine.
const MISSED: u8 = 2;

/// The counters of [`crate::Event::Health`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub completions: u64,
    pub errors: u64,
    pub expected: u64,
    pub owed: u64,
}

/// The supervision of the generation that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    /// When the last heartbeat must be answered, and the next one is asked for.
    beat: Micros,
    /// Heartbeats in a row that were asked for and not answered; the last one may still be.
    silent: u8,
    /// End of probation; none once it is passed.
    probation: Option<Micros>,
    /// Whether probation would be passed if it ended now: a slow generation passes, but not one that has answered nothing of
    /// what was asked for.
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

    /// Whether probation is passed.
    pub fn passed(&self) -> bool {
        self.probation.is_none()
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
                // A heartbeat is outstanding: probation is decided when it is answered or missed.
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
        // With other components it waits until they have passed too.
        if self.phase == Phase::Probation && !self.joined() {
            self.keep(now, out);
        }
        self.starts = 0;
        self.settled = Some(now.saturating_add(self.config.settled));
    }
}
