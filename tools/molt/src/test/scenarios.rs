// SPDX-License-Identifier: BSD-2-Clause
//! The end-to-end scenarios: each file is one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use molt_board::Board;

use super::count::Count;
use crate::arguments::Measure;
use crate::commands::play;
use crate::kernel::Kernel;
use crate::output::say;
use crate::scenario::Scenario;
use crate::session::Show;
use crate::toolchain::Toolchain;

const FOLDER: &str = "tests/scenarios";

/// The kernel on that board, and the board; an error is why it cannot be run here.
pub fn on_board(toolchain: &Toolchain, kernel: &Kernel, name: &str) -> Result<(Kernel, Board)> {
    let kernel = kernel.on_board(name)?;
    let board = kernel.board_file(toolchain)?;
    molt_qemu::fit(board.arch, &board.qemu)?;
    Ok((kernel, board))
}

/// The kernel on the scenario's board, and the board; an error is why it cannot be run here.
fn place(toolchain: &Toolchain, kernel: &Kernel, scenario: &Scenario) -> Result<(Kernel, Board)> {
    let (kernel, board) = on_board(toolchain, kernel, &scenario.board)?;
    if scenario.controller.is_some() {
        if let Some(why) = toolchain.lacks_controller() {
            bail!(why);
        }
        molt_qemu::Controller::fit()?;
    }
    Ok((kernel, board))
}

/// The most scenarios that run at the same time, if there are as many cores: each is one busy thread of QEMU.
const SIDE_BY_SIDE: usize = 4;

/// What all of them share.
struct Runner<'a> {
    toolchain: &'a Toolchain,
    kernel: &'a Kernel,
    /// Also those that take long.
    long: bool,
    /// Those that are not yet begun, the next one last.
    waiting: Mutex<Vec<PathBuf>>,
    /// Read-locked by runs that count instructions; write-locked by runs in the host's time, which must run alone.
    clock: RwLock<()>,
}

/// Runs them, begun in the order of their names.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    filter: Option<&str>,
    long: bool,
) -> Result<Count> {
    let folder = toolchain.root().join(FOLDER);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("{}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter(|path| filter.is_none_or(|filter| name(path).contains(filter)))
        .collect();
    files.sort();
    files.reverse();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(SIDE_BY_SIDE).min(files.len());
    let runner = Runner {
        toolchain,
        kernel,
        long,
        waiting: Mutex::new(files),
        clock: RwLock::new(()),
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| runner.work()))
            .collect();
        let mut count = Count::default();
        for thread in threads {
            count += thread
                .join()
                .map_err(|_| anyhow!("a scenario's thread panicked"))??;
        }
        Ok(count)
    })
}

fn name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

impl Runner<'_> {
    /// One thread's share.
    fn work(&self) -> Result<Count> {
        let mut count = Count::default();
        while let Some(file) = self.next() {
            count += self.one(&file)?;
        }
        Ok(count)
    }

    fn next(&self) -> Option<PathBuf> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn one(&self, file: &Path) -> Result<Count> {
        let name = name(file);
        let scenario = Scenario::load(file)?;
        if scenario.long && !self.long {
            say!("skip   scenario {name}: takes long; --long runs it");
            return Ok(Count::SKIPPED);
        }
        let (kernel, board) = match place(self.toolchain, self.kernel, &scenario) {
            Ok(place) => place,
            Err(reason) => {
                say!("skip   scenario {name}: {reason:#}");
                return Ok(Count::SKIPPED);
            }
        };
        // By the count of instructions no deadline is missed because the host was busy.
        let icount = kernel.counts_instructions(&board) && !scenario.host_clock;
        let measure = Measure { icount, json: None };
        let start = Instant::now();
        let played = if icount {
            let _clock = self.clock.read().unwrap_or_else(PoisonError::into_inner);
            play(file, &kernel, None, &measure, Show::Nothing)
        } else {
            let _clock = self.clock.write().unwrap_or_else(PoisonError::into_inner);
            play(file, &kernel, None, &measure, Show::Nothing)
        };
        let failures = match played {
            Ok(outcome) => outcome.failures,
            Err(error) => vec![format!("{error:#}")],
        };
        let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
        let took = start.elapsed().as_secs_f32();
        // In one piece: others print between pieces.
        let mut text = format!("{verdict:<6} scenario {name} ({took:.1} s)");
        for failure in &failures {
            text.push_str(&format!("\n         {failure}"));
        }
        say!("{text}");
        Ok(Count::of(failures.is_empty()))
    }
}
