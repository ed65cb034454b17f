// SPDX-License-Identifier: BSD-2-Clause
//! Compares what the programs of an image print with what they have to print.

use std::time::Duration;

use anyhow::{Result, bail};
use molt_qemu::{Machine, Observer, Step};

/// The last line of each.
const LAST: &str = "done";
const LIMIT: Duration = Duration::from_secs(60);

/// Boots an image and compares.
pub fn boot(mut machine: Machine, expected: &str) -> Result<()> {
    machine.limit = LIMIT;
    let expected: Vec<&str> = expected.lines().collect();
    let mut seen = Seen {
        own: Own::of(&expected),
        lines: Vec::new(),
    };
    let end = molt_qemu::run(&machine, &mut seen)?;
    let lines = expected.len().max(seen.lines.len());
    for index in 0..lines {
        let wanted = expected.get(index).copied();
        let found = seen.lines.get(index).map(String::as_str);
        if wanted != found {
            let or = |line: Option<&str>| line.unwrap_or("nothing more").to_owned();
            let (wanted, found) = (or(wanted), or(found));
            bail!(
                "line {}: '{found}', expected '{wanted}' ({end:?})",
                index + 1
            );
        }
    }
    Ok(())
}

/// Selects the programs' own lines: those of kernel, loader and root task are not compared.
struct Own {
    /// Heads of lines, up to a colon.
    heads: Vec<String>,
    /// Whole lines.
    lines: Vec<String>,
}

impl Own {
    fn of(expected: &[&str]) -> Self {
        let head = |line: &&str| Some(format!("{}: ", line.split_once(": ")?.0));
        Self {
            heads: expected.iter().filter_map(head).collect(),
            lines: expected.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    fn has(&self, line: &str) -> bool {
        self.heads.iter().any(|head| line.starts_with(head)) || self.lines.iter().any(|l| l == line)
    }
}

struct Seen {
    own: Own,
    lines: Vec<String>,
}

impl Observer for Seen {
    fn line(&mut self, _: Duration, line: &str) -> Step {
        if self.own.has(line) {
            self.lines.push(line.to_owned());
        }
        if line == LAST {
            Step::Stop
        } else {
            Step::Continue
        }
    }
}
