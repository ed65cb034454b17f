// SPDX-License-Identifier: BSD-2-Clause
//! The end-to-end scenarios: each file is one test.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use molt_board::Board;

use super::count::Count;
use crate::arguments::Measure;
use crate::commands::play;
use crate::kernel::Kernel;
use crate::scenario::Scenario;
use crate::session::Show;
use crate::toolchain::Toolchain;

const FOLDER: &str = "tests/scenarios";

/// A mutant's run has to fail, and for the reason that is expected of it.
fn noticed(failures: &[String], expected: &str) -> Vec<String> {
    match failures.iter().find(|failure| failure.contains(expected)) {
        Some(failure) => {
            println!("       noticed: {failure}");
            Vec::new()
        }
        None => {
            let not_noticed = format!("the mutant was not noticed by '{expected}'");
            std::iter::once(not_noticed)
                .chain(failures.to_vec())
                .collect()
        }
    }
}

/// The kernel on the scenario's board, and the board; an error is why it cannot be run here.
fn place(toolchain: &Toolchain, kernel: &Kernel, scenario: &Scenario) -> Result<(Kernel, Board)> {
    let kernel = kernel.on_board(&scenario.board)?;
    let board = kernel.board_file(toolchain)?;
    molt_qemu::fit(&board.qemu)?;
    Ok((kernel, board))
}

/// Runs them in the order of their names.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, filter: Option<&str>) -> Result<Count> {
    let folder = toolchain.root().join(FOLDER);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("{}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let mut count = Count::default();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let scenario = Scenario::load(&file)?;
        let (kernel, board) = match place(toolchain, kernel, &scenario) {
            Ok(place) => place,
            Err(reason) => {
                println!("skip   scenario {name}: {reason:#}");
                count += Count::SKIPPED;
                continue;
            }
        };
        let start = Instant::now();
        // By the count of instructions no deadline is missed because the host was busy.
        let measure = Measure {
            icount: kernel.counts_instructions(&board),
            json: None,
        };
        let failures = match play(&file, &kernel, None, &measure, Show::Nothing) {
            Ok(outcome) => match &scenario.mutant {
                Some(expected) => noticed(&outcome.failures, expected),
                None => outcome.failures,
            },
            Err(error) => vec![format!("{error:#}")],
        };
        let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
        let took = start.elapsed().as_secs_f32();
        println!("{verdict:<6} scenario {name} ({took:.1} s)");
        for failure in &failures {
            println!("         {failure}");
        }
        count += Count::of(failures.is_empty());
    }
    Ok(count)
}
