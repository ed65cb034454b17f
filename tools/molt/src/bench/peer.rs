// SPDX-License-Identifier: BSD-2-Clause
//! Another system: whatever boots a machine whose console prints the load's result lines.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use molt_bench::{Line, System};

use super::console::Reader;
use crate::progress::Step;

/// Tells the command which run it is, from 1 on.
const RUN: &str = "MOLT_BENCH_RUN";
/// As much of the host's time as a run may take.
const LIMIT: Duration = Duration::from_secs(600);

/// One of `--peer`.
pub struct Peer {
    name: String,
    command: String,
}

impl FromStr for Peer {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some((name, command)) if !matches!(name, "" | "molt" | "linux") => Ok(Self {
                name: name.to_owned(),
                command: command.to_owned(),
            }),
            _ => {
                bail!("--peer {text}: NAME=COMMAND is wanted, with another name than molt or linux")
            }
        }
    }
}

impl Peer {
    /// As the table names it.
    pub fn system(&self) -> System {
        System {
            system: self.name.clone(),
            kernel: "-".into(),
        }
    }

    /// Measures.
    pub fn run(&self, run: u64) -> Result<Vec<Line>> {
        let step = Step::start(format!("{}, run {run}", self.name));
        // The process that is stopped at the end has to be the machine itself, not a shell that waits for it.
        let command = format!("export {RUN}={run}; exec {}", self.command);
        let arguments = vec!["-c".into(), command.into()];
        let mut reader = Reader::default();
        let end = molt_qemu::watch("sh".as_ref(), arguments, LIMIT, &mut reader)?;
        step.done();
        reader.lines(end, &self.name)
    }
}
