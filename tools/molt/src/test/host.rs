// SPDX-License-Identifier: BSD-2-Clause
//! The tests that run on the host: cargo's, of every crate that is built for it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::count::Count;
use crate::output::{complain, say};
use crate::toolchain::Toolchain;

/// Runs them; what fails is printed whole.
pub fn run(toolchain: &Toolchain, filter: Option<&str>) -> Result<Count> {
    let mut command = toolchain.cargo();
    command
        .args(["test", "--locked", "--no-fail-fast"])
        .args(filter)
        // Cargo's messages about building and the crates go to the error stream as they come; each test is a dot.
        .args(["--", "--quiet"])
        .stdout(Stdio::piped());
    let mut cargo = command.spawn().context("cannot run cargo test")?;
    let output = cargo.stdout.take().context("cargo test has no output")?;
    let mut count = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what cargo test prints")?;
        match summary(&line) {
            Some(part) => count += part,
            None if is_dots(&line) || line.starts_with("running ") || line.is_empty() => {}
            None => say!("{line}"),
        }
    }
    let status = cargo.wait().context("cargo test did not end")?;
    if !status.success() && count.failed == 0 {
        complain!("molt: the tests on the host do not build");
        count += Count::of(false);
    }
    Ok(count)
}

/// A line of dots is cargo's own progress.
fn is_dots(line: &str) -> bool {
    let head = line.split(' ').next().unwrap_or_default();
    !head.is_empty() && head.bytes().all(|b| matches!(b, b'.' | b'i' | b'F'))
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
fn summary(line: &str) -> Option<Count> {
    let mut words = line.strip_prefix("test result: ")?.split([' ', ';']);
    let mut before = |what: &str| -> Option<usize> {
        let mut last = "";
        for word in words.by_ref() {
            if word == what {
                return last.parse().ok();
            }
            last = word;
        }
        None
    };
    Some(Count {
        passed: before("passed")?,
        failed: before("failed")?,
        skipped: before("ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_line_is_read() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        let expected = Count {
            passed: 12,
            failed: 3,
            skipped: 1,
        };
        assert_eq!(summary(line), Some(expected));
        assert_eq!(summary("test foo ... ok"), None);
    }

    #[test]
    fn a_failure_is_not_taken_for_dots() {
        assert!(is_dots("...F.i. 7/9"));
        assert!(!is_dots("failures:"));
        assert!(!is_dots("thread 'x' panicked"));
    }
}
