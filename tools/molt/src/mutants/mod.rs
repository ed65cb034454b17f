// SPDX-License-Identifier: BSD-2-Clause
//! `molt mutants`: the system with one check left out each time, and the test that has to notice it.
//!
//! A mutant is a description (`tests/mutants`), not a feature of the programs: it is made in a copy of the checkout, by
//! replacing a text, so that the sources contain nothing for it. docs/testing.md describes the format.

mod mutant;
mod notice;
mod tree;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::arguments::Mutants;
use crate::output::say;
use crate::toolchain::Toolchain;
use mutant::{Mutant, NoticedBy};
use notice::Verdict;
use tree::Tree;

/// The folder for the tests' output, one file for each mutant.
const LOGS: &str = "target/molt/mutants";

/// Makes each mutant that the filter lets through, and runs its test.
pub fn run(arguments: &Mutants) -> Result<bool> {
    let toolchain = Toolchain::from_environment()?;
    let root = toolchain.root();
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let mut mutants = Mutant::all(root)?;
    mutants.retain(|mutant| mutant.name.contains(filter));
    if arguments.list {
        mutants.iter().for_each(|mutant| say!("{}", line(mutant)));
        return Ok(true);
    }
    let logs = root.join(LOGS);
    fs::create_dir_all(&logs).with_context(|| format!("{}", logs.display()))?;
    let tree = Tree::of(root)?;
    let (mut noticed, mut not_noticed, mut skipped) = (0, 0, 0);
    for mutant in &mutants {
        if let Some(reason) = notice::lacks(&arguments.kernel, root, &mutant.noticed_by)? {
            say!("skip     {}: {reason}", line(mutant));
            skipped += 1;
            continue;
        }
        let start = Instant::now();
        let log = logs.join(format!("{}.log", mutant.name));
        let result = tree.with(mutant, || {
            let kernel = &arguments.kernel;
            notice::run(&toolchain, kernel, tree.root(), &mutant.noticed_by, &log)
        });
        let (verdict, what) = match result {
            Ok(Verdict::Noticed(failure)) => ("noticed", failure),
            Ok(Verdict::NotNoticed(printed)) => ("FAILED", printed),
            Err(error) => ("FAILED", format!("{error:#}")),
        };
        say!(
            "{verdict:<8} {} ({:.1} s)",
            line(mutant),
            start.elapsed().as_secs_f32()
        );
        what.lines().for_each(|line| say!("           {line}"));
        match verdict {
            "noticed" => noticed += 1,
            _ => not_noticed += 1,
        }
    }
    say!(
        "{noticed} mutants noticed, {not_noticed} not noticed, {skipped} skipped; what the tests printed is in {LOGS}"
    );
    Ok(not_noticed == 0 && noticed > 0)
}

/// A mutant in one line.
fn line(mutant: &Mutant) -> String {
    let test = match &mutant.noticed_by {
        NoticedBy::Host { package, test, .. } => format!("{package} {test}"),
        NoticedBy::Scenario { scenario, .. } => format!("scenario {scenario}"),
    };
    format!("{}: without {} -> {test}", mutant.name, mutant.without)
}
