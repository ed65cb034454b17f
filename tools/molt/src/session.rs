// SPDX-License-Identifier: BSD-2-Clause
//! One run of a scenario: boots it, reads the console, judges the result.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use molt_qemu::{Clock, End, Observer, Step};
use molt_report::{Collector, Kind, Summary, judge};
use molt_sdf::System;
use molt_sdf::model::GuestKind;

use crate::kernel::Kernel;
use crate::output::say;
use crate::progress::Detail;
use crate::scenario::{DiskKind, Scenario};
use crate::typist::Typist;
use crate::workspace::Workspace;

/// How much of the run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing; the console goes to a file.
    Nothing,
    /// The timeline, for a person to follow.
    Timeline,
    /// Every line.
    Console,
}

/// The result of a run.
pub struct Outcome {
    /// Summed up and judged.
    pub summary: Summary,
    /// The expectations that were not met.
    pub failures: Vec<String>,
}

/// Runs it.
pub fn run(
    scenario: &Scenario,
    workspace: &Workspace,
    kernel: &Kernel,
    count_instructions: bool,
    show: Show,
) -> Result<Outcome> {
    let mut machine = workspace.machine.clone();
    machine.limit = Duration::from_secs(scenario.limit);
    let count_instructions = count_instructions || machine.board.always_counts;
    machine.clock = match (count_instructions, scenario.disk) {
        (false, _) => Clock::Host,
        // Idle time may be jumped over only where no device works in the host's time.
        (true, None | Some(DiskKind::Null)) if scenario.controller.is_none() => {
            Clock::InstructionsJumping
        }
        (true, _) => Clock::Instructions,
    };
    let log = workspace.directory.join("console.log");
    let mut reader = Reader {
        collector: Collector::new(guests(&workspace.system)),
        log: std::fs::File::create(&log).with_context(|| format!("{}", log.display()))?,
        show,
        detail: (show == Show::Timeline).then(Detail::new),
        dead: scenario.expect.dead.clone(),
        typist: Typist::new(&scenario.typed),
        grace: None,
    };
    let end = molt_qemu::run(&machine, &mut reader)?;
    let mut summary =
        reader
            .collector
            .summary(&kernel.name(), kernel.board(), kernel.configuration());
    summary.clock = match machine.clock {
        Clock::Host => "host",
        Clock::Instructions | Clock::InstructionsJumping => "instructions",
    }
    .to_owned();
    let mut failures = judge(&summary, &reader.collector, &scenario.expect);
    if end == End::TimedOut {
        failures.push(format!("not done within {} s", scenario.limit));
    }
    if let Some(after) = reader.typist.waits_for() {
        failures.push(format!(
            "'{after}' was never printed, after which something was to be typed"
        ));
    }
    if let Err(error) = workspace.check_filesystems() {
        failures.push(format!("a guest's file system: {error:#}"));
    }
    summary.passed = failures.is_empty();
    Ok(Outcome { summary, failures })
}

/// Writes the summary where it was asked for.
pub fn write_json(path: &Path, summary: &Summary) -> Result<()> {
    let mut text = serde_json::to_string_pretty(summary)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Virtual machines, and native clients that ring in their place.
pub fn guests(system: &System) -> Vec<(String, String, Kind)> {
    let clients = system.clients();
    clients
        .into_iter()
        .filter_map(|id| {
            let domain = system.domains.get(id)?;
            Some(match &domain.machine {
                Some(machine) => {
                    let linux =
                        (machine.guest.as_ref()).is_some_and(|g| g.kind == GuestKind::Linux);
                    let kind = if linux { Kind::Linux } else { Kind::Bare };
                    (machine.name.clone(), domain.name.clone(), kind)
                }
                None => (domain.name.clone(), domain.name.clone(), Kind::Bare),
            })
        })
        .collect()
}

/// After the last guest is done the last trace lines may still come.
const GRACE: Duration = Duration::from_millis(500);

struct Reader {
    collector: Collector,
    log: std::fs::File,
    show: Show,
    /// What the timeline leaves out.
    detail: Option<Detail>,
    /// Guests that are not waited for.
    dead: Vec<String>,
    typist: Typist,
    grace: Option<Duration>,
}

impl Observer for Reader {
    fn line(&mut self, at: Duration, line: &str) -> Step {
        // The log is only for later inspection; without it the run continues.
        let _ = writeln!(self.log, "{line}");
        let told = self.collector.line(line);
        self.typist.line(line);
        match self.show {
            Show::Nothing => {}
            Show::Console => say!("{line}"),
            Show::Timeline => match (told, &mut self.detail) {
                (Some(told), _) => say!("{told}"),
                (None, Some(detail)) => detail.say(line.replace(char::is_control, " ")),
                (None, None) => {}
            },
        }
        self.step(at)
    }

    fn quiet(&mut self, at: Duration) -> Step {
        self.step(at)
    }

    fn types(&self) -> bool {
        self.typist.types()
    }

    fn typed(&mut self) -> Option<Vec<u8>> {
        self.typist.next()
    }

    fn unfinished(&mut self, text: &str) {
        self.typist.unfinished(text);
    }
}

impl Reader {
    fn step(&mut self, at: Duration) -> Step {
        if !self.collector.finished(&self.dead) || !self.typist.done(self.collector.answers().len())
        {
            return Step::Continue;
        }
        let end = *self.grace.get_or_insert(at + GRACE);
        if at >= end {
            Step::Stop
        } else {
            Step::Continue
        }
    }
}
