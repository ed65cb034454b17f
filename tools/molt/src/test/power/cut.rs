// SPDX-License-Identifier: BSD-2-Clause
//! Watches a run, and says when the power goes.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Result, bail};
use molt_qemu::{Observer, Step};
use molt_report::{Collector, Kind};
use molt_trace::{Event, Line};

/// When the power goes, in the host's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the machine was started.
    At(Duration),
    /// So long after the first probation.
    AfterProbation(Duration),
    /// Not.
    Never,
}

/// An update, as far as the trace has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// A bundle with this number was verified.
    Verified(u64),
    /// It was committed, and the guest was told.
    Committed(u64),
}

/// A run.
pub struct Cut {
    collector: Collector,
    log: File,
    when: When,
    due: Option<Duration>,
    sequences: Vec<Sequence>,
    /// The guests were done, at this time.
    ended: Option<Duration>,
}

impl Cut {
    /// For these guests; the console is written to `log`.
    pub fn new(guests: Vec<(String, String, Kind)>, log: File, when: When) -> Self {
        Self {
            collector: Collector::new(guests),
            log,
            when,
            due: match when {
                When::At(time) => Some(time),
                _ => None,
            },
            sequences: Vec::new(),
            ended: None,
        }
    }

    /// Whether the power went before the guests were done.
    pub fn is_cut(&self) -> bool {
        self.ended.is_none()
    }

    /// When the guests were done.
    pub fn ended(&self) -> Duration {
        self.ended.unwrap_or_default()
    }

    /// What became of the bundles.
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// What the component started with, if the run got so far.
    ///
    /// # Errors
    /// There are several.
    pub fn source(&self) -> Result<Option<String>> {
        match self.collector.sources() {
            [] => Ok(None),
            [source] => Ok(Some(source.clone())),
            several => bail!("one component started with {several:?}"),
        }
    }

    /// # Errors
    /// A guest complained, or an update ended in a way that it must not.
    pub fn failures(&self) -> Result<()> {
        if let [first, ..] = self.collector.complaints() {
            bail!("{first}");
        }
        let summary = self.collector.summary("", "", "");
        for end in summary.updates.iter().map(molt_report::Update::end) {
            // Without an outcome it was under way when the power went.
            if !["committed", "refused: old-sequence", ""].contains(&end.as_str()) {
                bail!("an update ended as '{end}'");
            }
        }
        Ok(())
    }

    fn step(&mut self, at: Duration) -> Step {
        if self.collector.finished(&[]) {
            self.ended = Some(at);
            return Step::Stop;
        }
        match self.due {
            Some(due) if at >= due => Step::Stop,
            _ => Step::Continue,
        }
    }
}

impl Observer for Cut {
    fn line(&mut self, at: Duration, line: &str) -> Step {
        // Only for later inspection.
        let _ = writeln!(self.log, "{line}");
        self.collector.line(line);
        match line.parse::<Line>().map(|line| line.event) {
            Ok(Event::Verified { sequence, .. }) => {
                self.sequences.push(Sequence::Verified(sequence));
            }
            Ok(Event::Committed { sequence, .. }) => {
                self.sequences.push(Sequence::Committed(sequence));
            }
            Ok(Event::Probation { .. }) => {
                if let When::AfterProbation(delay) = self.when {
                    self.due.get_or_insert(at + delay);
                }
            }
            _ => {}
        }
        self.step(at)
    }

    fn quiet(&mut self, at: Duration) -> Step {
        self.step(at)
    }
}
