// SPDX-License-Identifier: BSD-2-Clause
//! Reads the console of a run of the load.

use std::time::Duration;

use anyhow::{Result, bail};
use molt_bench::{Console, Line};
use molt_qemu::{End, Observer, Step};

/// An observer that stops the machine when the load is done.
#[derive(Default)]
pub struct Reader {
    console: Console,
    last: Last,
}

/// The last lines of a console, for the error message if something goes wrong.
#[derive(Default)]
pub struct Last(Vec<String>);

impl Last {
    /// Keeps a line in place of the oldest.
    pub fn push(&mut self, line: &str) {
        if self.0.len() >= 10 {
            self.0.remove(0);
        }
        self.0.push(line.to_owned());
    }

    /// One below the other.
    pub fn join(&self) -> String {
        self.0.join("\n")
    }
}

impl Observer for Reader {
    fn line(&mut self, _: Duration, line: &str) -> Step {
        self.console.line(line);
        self.last.push(line);
        if self.console.done() {
            Step::Stop
        } else {
            Step::Continue
        }
    }
}

impl Reader {
    /// The load's lines, if it came to its end without a complaint.
    pub fn lines(self, end: End, what: &str) -> Result<Vec<Line>> {
        if !self.console.complaints.is_empty() {
            bail!(
                "{what}: the load complains: {}",
                self.console.complaints.join("; ")
            );
        }
        if !self.console.done() {
            bail!(
                "{what}: the load did not come to its end ({end:?}); the console's last lines:\n{}",
                self.last.join()
            );
        }
        Ok(self.console.lines)
    }
}
