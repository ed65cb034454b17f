// SPDX-License-Identifier: BSD-2-Clause
//! `molt simulate`: whole systems in this process, with faults, from seeds.

use std::fs;

use anyhow::{Context, Result, bail};
use molt_simulate::{Mutant, Ram, Summary, Violation, run, simulate};

use crate::arguments::Simulate;

/// Rules that are shown at most, each with a seed.
const SHOWN: usize = 8;

/// Runs them. Returns whether no rule was broken.
pub fn run_all(arguments: &Simulate) -> Result<bool> {
    let mutant = match &arguments.mutant {
        None => None,
        Some(name) => match Mutant::named(name) {
            Some(mutant) => Some(mutant),
            None => bail!("there is no mutant '{name}'; there are: {}", names()),
        },
    };
    if arguments.trace {
        let run = run(Ram::new(), arguments.seed, mutant, 0, true);
        let all = run.script.iter().chain(&run.trace);
        all.for_each(|line| println!("{line}"));
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let summary = simulate(arguments.seed, arguments.runs, threads, mutant, SHOWN);
    for violation in &summary.violations {
        print_violation(violation);
    }
    println!(
        "{} runs from seed {}, {} steps, {} violation(s)",
        summary.runs,
        arguments.seed,
        summary.steps,
        summary.violations.len()
    );
    if let Some(path) = &arguments.json {
        write(path, &summary)?;
    }
    Ok(summary.violations.is_empty())
}

fn print_violation(violation: &Violation) {
    println!("seed {}: {}", violation.seed, violation.rule);
    for entry in &violation.script {
        println!("    {entry}");
    }
    println!(
        "    again: ./molt simulate --runs 1 --seed {} --trace",
        violation.seed
    );
}

fn write(path: &std::path::Path, summary: &Summary) -> Result<()> {
    let text = serde_json::to_string_pretty(summary).context("the summary cannot be written")?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn names() -> String {
    let names: Vec<&str> = Mutant::ALL.iter().map(|mutant| mutant.word()).collect();
    names.join(", ")
}
