// SPDX-License-Identifier: BSD-2-Clause
//! Running the test that has to notice a mutant.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::mutant::{NoticedBy, scenario_file};
use crate::arguments;
use crate::kernel::Kernel;
use crate::scenario::Scenario;
use crate::toolchain::Toolchain;

/// No test on the host and no scenario takes so long, with all that is built for it. One that does hangs, and that is not how a
/// mutant is to be noticed.
const LIMIT: Duration = Duration::from_secs(3600);
const POLL: Duration = Duration::from_millis(50);

/// The result of a mutant's test.
pub enum Verdict {
    /// It failed, as it has to. Holds its message.
    Noticed(String),
    /// It passed, or failed for another reason. Holds the last lines of its output.
    NotNoticed(String),
}

/// Why the test cannot be run here: its board needs another kernel than the one that was chosen.
pub fn lacks(
    kernel: &arguments::Kernel,
    root: &Path,
    noticed_by: &NoticedBy,
) -> Result<Option<String>> {
    let NoticedBy::Scenario { scenario, .. } = noticed_by else {
        return Ok(None);
    };
    let board = Scenario::load(&scenario_file(root, scenario))?.board;
    let there = Kernel::choose(kernel)?.on_board(&board);
    Ok(there.err().map(|reason| format!("{reason:#}")))
}

/// Runs the test in the tree at `root`; its output goes to the file `log`.
pub fn run(
    toolchain: &Toolchain,
    kernel: &arguments::Kernel,
    root: &Path,
    noticed_by: &NoticedBy,
    log: &Path,
) -> Result<Verdict> {
    let (command, sign) = match noticed_by {
        NoticedBy::Host { package, test, .. } => host(toolchain, root, package, test, log)?,
        NoticedBy::Scenario { scenario, says } => {
            (play(toolchain, kernel, root, scenario)?, says.clone())
        }
    };
    let passed = finish(command, log)?;
    let printed = printed(log)?;
    let failure = match noticed_by {
        NoticedBy::Host { says, .. } => {
            let said = says.as_ref().is_none_or(|says| printed.contains(says));
            failed_test(&printed, &sign).filter(|_| said)
        }
        NoticedBy::Scenario { .. } => failure(&printed, &sign),
    };
    Ok(match failure.filter(|_| !passed) {
        Some(failure) => Verdict::Noticed(failure.to_owned()),
        None => Verdict::NotNoticed(last_lines(&printed)),
    })
}

/// The command that runs a test on the host, once it has been built: a mutant that does not compile shows nothing.
fn host(
    toolchain: &Toolchain,
    root: &Path,
    package: &str,
    test: &str,
    log: &Path,
) -> Result<(Command, String)> {
    let cargo = || {
        let mut command = toolchain.cargo();
        command.current_dir(root);
        command.args(["test", "--locked", "--package", package]);
        command
    };
    let mut build = cargo();
    build.args(["--no-run", "--quiet"]);
    if !finish(build, log)? {
        bail!("the mutant does not compile:\n{}", printed(log)?);
    }
    let mut command = cargo();
    command.args(["--no-fail-fast", test]);
    Ok((command, test.to_owned()))
}

/// The command that plays a scenario: this very program, for the other tree.
fn play(
    toolchain: &Toolchain,
    kernel: &arguments::Kernel,
    root: &Path,
    scenario: &str,
) -> Result<Command> {
    let file = scenario_file(root, scenario);
    let board = Scenario::load(&file)?.board;
    let chosen = Kernel::choose(kernel)?.on_board(&board)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env("MOLT_ROOT", root).arg("run").arg(&file);
    command.args(["--board", &board, "--config", &kernel.config]);
    match &kernel.sdk {
        Some(sdk) => command.arg("--sdk").arg(sdk),
        None => command.env_remove("MICROKIT_SDK"),
    };
    if chosen.counts_instructions(&chosen.board_file(toolchain)?) {
        command.arg("--icount");
    }
    Ok(command)
}

/// Runs a command to its end; returns whether it succeeded.
fn finish(mut command: Command, log: &Path) -> Result<bool> {
    let file = fs::File::create(log).with_context(|| format!("{}", log.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            bail!(
                "not done within {} s, see {}",
                LIMIT.as_secs(),
                log.display()
            );
        }
        std::thread::sleep(POLL);
    }
}

/// A console may have bytes that are no text.
fn printed(log: &Path) -> Result<String> {
    let bytes = fs::read(log).with_context(|| format!("{}", log.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The line in which cargo reports that the test failed.
fn failed_test<'a>(printed: &'a str, test: &str) -> Option<&'a str> {
    printed.lines().find(|line| {
        let name = (line.strip_prefix("test ")).and_then(|rest| rest.split_once(" ... "));
        name.is_some_and(|(name, verdict)| {
            let last = name.rsplit("::").next().unwrap_or(name);
            last.trim_end_matches(" - should panic") == test && verdict.contains("FAILED")
        })
    })
}

/// The failure of a scenario that contains this text.
fn failure<'a>(printed: &'a str, says: &str) -> Option<&'a str> {
    let failures = printed.lines().filter_map(|line| line.strip_prefix("  - "));
    failures.into_iter().find(|failure| failure.contains(says))
}

fn last_lines(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_test_of_that_name_counts() {
        let printed = "test tests::the_one ... FAILED\ntest the_other ... ok\ntest third - should panic ... FAILED\n";
        assert!(failed_test(printed, "the_one").is_some());
        assert!(failed_test(printed, "third").is_some());
        for other in ["one", "the_other", "a_test_that_is_not_there"] {
            assert_eq!(failed_test(printed, other), None);
        }
    }

    #[test]
    fn a_scenario_has_to_fail_for_the_reason() {
        let printed = "guest: it says: the reason\n  - for another reason\nrun: FAILED\n";
        assert_eq!(failure(printed, "the reason"), None);
        assert_eq!(failure(printed, "another"), Some("for another reason"));
    }
}
