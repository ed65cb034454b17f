// SPDX-License-Identifier: BSD-2-Clause
//! `molt test --compare`: the two kernels side by side, as the text of `docs/kernel-comparison.md`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::growth::{self, Growth};
use super::markdown::table;
use super::seen::{Seen, difference};
use super::suite;
use crate::arguments::{self, Measure};
use crate::commands::{DEMO, play};
use crate::kernel::{EMBEDDED_BOARD, Kernel};
use crate::output::{complain, say};
use crate::session::Show;
use crate::toolchain::Toolchain;

/// The demo without a Linux.
const DEMO_BARE: &str = "tests/scenarios/demo-bare.toml";
/// How many times the real kernel's execution time in the demo's blackout the embedded kernel may take.
const BLACKOUT_BOUND: f64 = 3.0;
/// Runs of each demo: the disk is a file, and when it answers is the host's affair.
const RUNS: usize = 3;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Compares and prints; whether all is as it has to be.
pub fn run(toolchain: &Toolchain, arguments: &arguments::Kernel) -> Result<bool> {
    let real = Kernel::choose(arguments)?;
    if matches!(real, Kernel::Embedded) {
        bail!("--compare needs the kernel of a Microkit SDK beside the embedded one: --sdk DIR");
    }
    if real.board() != EMBEDDED_BOARD {
        bail!(
            "--compare: the embedded kernel is for {EMBEDDED_BOARD} only, not for '{}'",
            real.board()
        );
    }
    let mut comparison = Comparison {
        toolchain,
        real,
        embedded: Kernel::Embedded,
        failures: Vec::new(),
    };
    comparison.introduce()?;
    let seen = [
        suite::boot(toolchain, &comparison.embedded)?,
        suite::boot(toolchain, &comparison.real)?,
    ];
    comparison.costs(&seen);
    comparison.blackouts()?;
    comparison.verdicts(&seen);
    for failure in &comparison.failures {
        complain!("  - {failure}");
    }
    Ok(comparison.failures.is_empty())
}

struct Comparison<'a> {
    toolchain: &'a Toolchain,
    embedded: Kernel,
    real: Kernel,
    failures: Vec<String>,
}

impl Comparison<'_> {
    fn introduce(&self) -> Result<()> {
        let today = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        let today = today.split('T').next().unwrap_or_default();
        say!("# The two kernels side by side\n");
        say!(
            "Written on {today} by `./molt test --compare --sdk DIR > docs/kernel-comparison.md`. It compares\n\n- the embedded kernel of Molt {}, and\n- {} of the Microkit SDK ({}, {}),\n\nin QEMU {} under `-icount shift=0`, where one instruction takes one nanosecond. The column *ratio* has the embedded\nkernel's figure divided by the other kernel's.",
            env!("CARGO_PKG_VERSION"),
            self.real.name(),
            self.real.board(),
            self.real.configuration(),
            molt_qemu::version(molt_sdk::Arch::Aarch64)?,
        );
        Ok(())
    }

    /// The cost of the operations that a swap uses, and its growth.
    fn costs(&mut self, [embedded, real]: &[Seen; 2]) {
        say!("\n## Instructions\n");
        say!(
            "Instructions of one operation that a swap uses, including the few of the caller's stub: the median of nine rounds, in\nsteady state (`tests/suite/src/tests/cost.rs`). The number of objects is in parentheses. The embedded kernel has no\nfast path.\n"
        );
        let mut rows = Vec::new();
        for (name, cost) in &embedded.costs {
            let Some((_, other)) = real.costs.iter().find(|(other, _)| other == name) else {
                self.failures
                    .push(format!("{name}: not measured on the real kernel"));
                continue;
            };
            rows.push(pair(name, *cost as f64, *other as f64, 0));
        }
        if rows.is_empty() {
            self.failures.push("no cost was measured".into());
        }
        print!("{}", table(self.header("operation"), &rows));
        say!("\n## Growth\n");
        say!(
            "The factor by which the instructions grow when the number of objects grows sixteenfold.\n"
        );
        let growths = growth::of(&embedded.costs, &real.costs);
        let rows: Vec<_> = growths.iter().map(Growth::row).collect();
        print!("{}", table(self.header("operation"), &rows));
        let steep = growths.iter().filter(|growth| !growth.is_of_same_order());
        self.failures.extend(steep.map(Growth::complaint));
    }

    /// The demo's blackout.
    fn blackouts(&mut self) -> Result<()> {
        say!("\n## Blackout\n");
        say!(
            "The time from the old driver's last completion to the new one's first, in nanoseconds. Its cpu part is the execution\ntime of update, stage, drivers and VMMs within it. Both depend on when the host's disk answers, so these are the\nmedians of {RUNS} runs.\n"
        );
        let mut rows = Vec::new();
        for (guest, scenario) in [("linux", DEMO), ("bare", DEMO_BARE)] {
            let [Some(embedded), Some(real)] = [
                self.blackout(&Kernel::Embedded, scenario)?,
                self.blackout(&self.real.clone(), scenario)?,
            ] else {
                continue;
            };
            let command = format!("`./molt demo --guest {guest} --icount`");
            let parts = [("cpu", embedded.0, real.0), ("total", embedded.1, real.1)];
            for (part, embedded, real) in parts {
                rows.push(pair(&format!("{command}: {part}"), embedded, real, 0));
            }
            if embedded.0 > BLACKOUT_BOUND * real.0 {
                self.failures.push(format!(
                    "{command}: the cpu blackout is more than {BLACKOUT_BOUND} times the real kernel's"
                ));
            }
        }
        print!(
            "{}",
            table(self.header("run (`--sdk DIR` for the other kernel)"), &rows)
        );
        Ok(())
    }

    /// The medians of the demo's blackout over [`RUNS`] runs: cpu and total.
    fn blackout(&mut self, kernel: &Kernel, scenario: &str) -> Result<Option<(f64, f64)>> {
        let (mut cpu, mut total) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let Some(one) = self.one_blackout(kernel, scenario)? else {
                return Ok(None);
            };
            cpu.push(one.0);
            total.push(one.1);
        }
        Ok(Some((median(cpu), median(total))))
    }

    /// The first committed update's blackout: cpu and total.
    fn one_blackout(&mut self, kernel: &Kernel, scenario: &str) -> Result<Option<(f64, f64)>> {
        let path = self.toolchain.root().join(scenario);
        let measure = Measure {
            icount: true,
            json: None,
        };
        let outcome = play(&path, kernel, None, &measure, Show::Nothing)?;
        let on = |what: &str| format!("{scenario} on {}: {what}", kernel.label());
        self.failures
            .extend(outcome.failures.iter().map(|failure| on(failure)));
        let mut updates = outcome.summary.updates.iter();
        let update = updates.find(|update| update.outcome == "committed");
        if update.is_none() {
            self.failures.push(on("no update was committed"));
        }
        Ok(update.map(|update| (update.blackout_cpu_ns as f64, update.blackout_ns as f64)))
    }

    /// Every test with both verdicts.
    fn verdicts(&mut self, [embedded, real]: &[Seen; 2]) {
        let names: BTreeSet<_> = embedded
            .verdicts
            .keys()
            .chain(real.verdicts.keys())
            .collect();
        let mut rows = Vec::new();
        let mut equal = 0;
        for name in &names {
            let trace = |seen: &Seen| seen.traces.get(*name).cloned().unwrap_or_default();
            let different = difference(&trace(real), &trace(embedded));
            let [ours, theirs] = [embedded, real].map(|seen| verdict(seen, name));
            let lines = match &different {
                None => format!("{} equal", trace(real).len()),
                Some(_) => "DIFFERENT".into(),
            };
            if ours == "ok" && theirs == "ok" && different.is_none() {
                equal += 1;
            } else {
                let why =
                    different.unwrap_or_else(|| format!("{ours}, on the real kernel {theirs}"));
                self.failures.push(format!("{name}: {why}"));
            }
            rows.push([name.to_string(), ours, theirs, lines]);
        }
        if names.is_empty() {
            self.failures.push("no test ran".into());
        }
        say!("\n## Verdicts\n");
        say!(
            "{equal} of {} tests are equal: passed on both kernels, with the same trace of the kernel's answers, line by line.\n",
            names.len()
        );
        let [_, ours, theirs, _] = self.header("");
        print!("{}", table(["test", ours, theirs, "trace lines"], &rows));
    }

    fn header<'h>(&self, first: &'h str) -> [&'h str; 4] {
        [first, "embedded", "seL4", "ratio"]
    }
}

/// A row of two figures and their ratio.
pub fn pair(name: &str, embedded: f64, real: f64, digits: usize) -> [String; 4] {
    let figure = |value: f64| format!("{value:.digits$}");
    let ratio = format!("{:.2}", embedded / real);
    [name.to_owned(), figure(embedded), figure(real), ratio]
}

fn verdict(seen: &Seen, name: &str) -> String {
    let verdict = match seen.verdicts.get(name) {
        None => "did not end",
        Some(Some(_)) => "FAILED",
        Some(None) => "ok",
    };
    verdict.to_owned()
}
