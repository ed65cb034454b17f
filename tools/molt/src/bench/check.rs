// SPDX-License-Identifier: BSD-2-Clause
//! `molt bench --check`: counts the instructions of requests and holds them to a committed baseline.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result};
use molt_bench::{Baseline, Change, Counts, Figures, TOLERANCE, Tools, changes};
use molt_linux::Packages;
use molt_profile::Profile;
use molt_sdk::Arch;

use super::profile;
use super::wanted::NATIVE;
use crate::kernel::Kernel;
use crate::output::say;
use crate::toolchain::Toolchain;

/// The committed counts.
const BASELINE: &str = "tests/measure/baseline.json";
/// The rows of the load in a Linux guest, in its order: those whose counts repeat to half a percent whatever the guest's memory and clock look
/// like when they begin (docs/performance.md, "The check against the baseline"). Those of a native client all do.
const ROWS: [&str; 5] = [
    "read_4k_d1",
    "write_4k_d1",
    "read_4k_d8",
    "read_4k_d32",
    "write_4k_d32",
];
/// Requests in each.
const REQUESTS: u64 = 500;

/// What to do where a count has grown.
pub const WHAT_TO_DO: &str = "`./molt bench --profile ROW` shows the functions; where there is a reason, record it anew with \
                              `./molt bench --check --record` and give the reason in the commit's message";

/// What came of it.
pub enum Outcome {
    /// All that was compared.
    Compared(Vec<Change>),
    /// Why nothing can be said here.
    Unknown(String),
}

/// `molt bench --check`
pub fn run(toolchain: &Toolchain, kernel: &Kernel, record: bool) -> Result<bool> {
    if record {
        let mut baseline = read(toolchain)?;
        baseline.insert(kernel.label(), count(toolchain, kernel)?);
        let mut text = serde_json::to_string_pretty(&baseline)?;
        text.push('\n');
        let file = file(toolchain);
        fs::write(&file, text).with_context(|| format!("{}: cannot be written", file.display()))?;
        say!("{BASELINE}: {} recorded", kernel.label());
        return Ok(true);
    }
    let changes = match check(toolchain, kernel)? {
        Outcome::Compared(changes) => changes,
        Outcome::Unknown(why) => {
            say!("bench: not checked: {why}");
            return Ok(false);
        }
    };
    for change in &changes {
        let word = match (change.is_worse(), change.is_better()) {
            (true, _) => "MORE  ",
            (_, true) => "less  ",
            _ => "ok    ",
        };
        say!("{word} {change}");
    }
    let passed = !changes.iter().any(Change::is_worse);
    if !passed {
        say!(
            "bench: a count has grown by more than {:.0} %: {WHAT_TO_DO}",
            100.0 * TOLERANCE
        );
    } else if changes.iter().any(Change::is_better) {
        say!("bench: passed; record what is less now (--check --record), so that it stays so");
    } else {
        say!("bench: passed");
    }
    Ok(passed)
}

/// Counts and compares, where it can.
pub fn check(toolchain: &Toolchain, kernel: &Kernel) -> Result<Outcome> {
    let label = kernel.label();
    let unknown = |why: String| Ok(Outcome::Unknown(why));
    let board = kernel.board_file(toolchain)?;
    if !kernel.counts_instructions(&board) {
        return unknown(format!(
            "{label} cannot be run by the count of instructions in QEMU"
        ));
    }
    if !molt_qemu::has_plugins(kernel.arch())? {
        return unknown("this QEMU takes no plugins, which count".into());
    }
    let baseline = read(toolchain)?;
    let Some(before) = baseline.get(&label) else {
        return unknown(format!(
            "{BASELINE} has no counts of {label} (`./molt bench --check --record` would add them)"
        ));
    };
    let tools = tools(toolchain, kernel.arch())?;
    if tools != before.tools {
        return unknown(format!(
            "{BASELINE} was counted with {}; this is {}",
            described(&before.tools),
            described(&tools)
        ));
    }
    Ok(Outcome::Compared(changes(
        before,
        &count(toolchain, kernel)?,
    )))
}

fn count(toolchain: &Toolchain, kernel: &Kernel) -> Result<Figures> {
    let rows: &[&str] = match kernel.arch() {
        Arch::Aarch64 => &ROWS,
        Arch::X86_64 => &NATIVE,
    };
    let profiles = profile::run(toolchain, kernel, rows, REQUESTS)?;
    let rows = rows.iter().map(|row| (*row).to_owned());
    Ok(Figures {
        tools: tools(toolchain, kernel.arch())?,
        rows: rows.zip(profiles.iter().map(ours)).collect(),
    })
}

/// What is not the guest's.
fn ours(profile: &Profile) -> Counts {
    let programs = profile.programs.iter();
    programs
        .filter(|(name, _)| !name.starts_with("guest"))
        .map(|(name, count)| (name.clone(), (count * 10.0).round() / 10.0))
        .collect()
}

fn tools(toolchain: &Toolchain, arch: Arch) -> Result<Tools> {
    let linux = match arch {
        Arch::Aarch64 => {
            let packages = Packages::obtain(&toolchain.root().join("target/molt/linux"))?;
            packages.release().to_owned()
        }
        // There are no virtual machines.
        Arch::X86_64 => String::new(),
    };
    let qemu = molt_qemu::version(arch)?;
    let (qemu, _) = qemu.rsplit_once('.').unwrap_or((&qemu, ""));
    Ok(Tools {
        rustc: toolchain.rustc_version()?,
        qemu: qemu.to_owned(),
        linux,
    })
}

fn described(tools: &Tools) -> String {
    let Tools { rustc, qemu, linux } = tools;
    match linux.is_empty() {
        true => format!("{rustc}, QEMU {qemu}"),
        false => format!("{rustc}, QEMU {qemu}, Linux {linux}"),
    }
}

fn file(toolchain: &Toolchain) -> PathBuf {
    toolchain.root().join(BASELINE)
}

fn read(toolchain: &Toolchain) -> Result<Baseline> {
    let file = file(toolchain);
    match fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{}: not a baseline", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Baseline::new()),
        Err(error) => Err(error).with_context(|| format!("{}", file.display())),
    }
}
