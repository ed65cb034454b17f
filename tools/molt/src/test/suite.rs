// SPDX-License-Identifier: BSD-2-Clause
//! Runs the target suite as the root task, and compares its traces with those of the real kernel.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_qemu::Clock;
use molt_sdk::Arch;

use super::count::Count;
use super::scenarios::on_board;
use super::seen::{Seen, difference};
use crate::kernel::{EMBEDDED_BOARD, EMBEDDED_CONFIGURATION, Kernel};
use crate::output::{complain, say};
use crate::progress;
use crate::toolchain::{Target, Toolchain};

const PACKAGE: &str = "molt-suite";
/// The boards whose devices the suite knows, each with the file of the real kernel's traces; its path has the kernel's version.
const BOARDS: [(&str, &str); 2] = [
    (EMBEDDED_BOARD, "tests/traces/sel4-16.0.0/suite.txt"),
    (
        "x86_64_generic",
        "tests/traces/sel4-16.0.0/suite-x86_64.txt",
    ),
];
const LIMIT: Duration = Duration::from_secs(600);

/// Runs it on the kernel, on each board that it can be run on, and compares.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, filter: Option<&str>) -> Result<Count> {
    let mut count = Count::default();
    for (board, traces) in BOARDS {
        let place = on_board(toolchain, kernel, board).and_then(|(kernel, board)| {
            if board.arch != Arch::Aarch64 && !kernel.counts_instructions(&board) {
                bail!("its kernel is for several cores");
            }
            Ok(kernel)
        });
        match place {
            Ok(kernel) => count += one(toolchain, &kernel, traces, filter)?,
            Err(reason) => {
                say!("skip   the target suite on {board}: {reason:#}");
                count += Count::SKIPPED;
            }
        }
    }
    Ok(count)
}

/// Runs it on the kernel and compares with these traces.
fn one(
    toolchain: &Toolchain,
    kernel: &Kernel,
    traces: &str,
    filter: Option<&str>,
) -> Result<Count> {
    let path = toolchain.root().join(traces);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{}: the real kernel's traces", path.display()))?;
    let mut recorded = Seen::default();
    for line in text.lines() {
        recorded.take(line);
    }
    let seen = boot(toolchain, kernel)?;
    let another_configuration = match kernel.arch() {
        Arch::Aarch64 => kernel.programs_for()?.is_some(),
        Arch::X86_64 => kernel.configuration() != EMBEDDED_CONFIGURATION,
    };
    let place = match kernel.arch() {
        Arch::Aarch64 => "",
        Arch::X86_64 => " (x86_64)",
    };
    let mut count = Count::default();
    for (name, trace) in &recorded.traces {
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let failure = match (seen.verdicts.get(name), seen.traces.get(name)) {
            (None, _) => Some("it did not run to its end".to_owned()),
            (Some(Some(reason)), _) => Some(reason.clone()),
            // The traces are of the release configuration: in another one threads are larger, and so on.
            (Some(None), _) if another_configuration => None,
            (Some(None), found) => difference(trace, found.map_or(&[], Vec::as_slice)),
        };
        match &failure {
            None => say!("ok     {name}{place}"),
            Some(reason) => say!("FAILED {name}{place}: {reason}"),
        }
        count += Count::of(failure.is_none());
    }
    for name in seen.verdicts.keys() {
        if !recorded.traces.contains_key(name) {
            say!("FAILED {name}: the real kernel's trace of it is not recorded");
            count += Count::of(false);
        }
    }
    Ok(count)
}

/// Writes the traces of an SDK's kernel.
pub fn record(toolchain: &Toolchain, kernel: &Kernel) -> Result<bool> {
    let Some(_) = kernel.sdk() else {
        bail!("--record needs the real kernel (--sdk DIR)");
    };
    let Some((_, traces)) = BOARDS.iter().find(|(board, _)| *board == kernel.board()) else {
        bail!(
            "--record: the suite does not know the devices of board '{}'",
            kernel.board()
        );
    };
    let seen = boot(toolchain, kernel)?;
    let mut text = format!("# {}, {}\n", kernel.name(), kernel.board());
    for (name, verdict) in &seen.verdicts {
        if let Some(reason) = verdict {
            bail!("{name} fails on the real kernel ({reason}): nothing was recorded");
        }
        // A test without a trace is recorded too: it has to run.
        text.push_str(&format!("ok {name}\n"));
        for line in seen.traces.get(name).into_iter().flatten() {
            text.push_str(&format!("trace {name}: {line}\n"));
        }
    }
    let path = toolchain.root().join(traces);
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
    say!("{}: {} tests", path.display(), seen.verdicts.len());
    Ok(true)
}

/// Boots it and reads until it closes.
pub fn boot(toolchain: &Toolchain, kernel: &Kernel) -> Result<Seen> {
    let step = progress::Step::start(format!("target suite on {}", kernel.label()));
    let suite = toolchain
        .build(&[PACKAGE], Target::Domain, &[], kernel.programs_for()?)?
        .join(PACKAGE);
    let loader = crate::workspace::loader(toolchain, kernel)?;
    let directory = toolchain.root().join("target/molt/suite");
    fs::create_dir_all(&directory).with_context(|| format!("{}", directory.display()))?;
    let out: PathBuf = directory.join(format!("{}.img", kernel.label()));
    let board = kernel.board_file(toolchain)?;
    molt_image::pack(
        &kernel.source(toolchain)?,
        &board,
        loader.as_deref(),
        &suite,
        &out,
    )?;
    let mut machine = kernel.machine(&board, out);
    machine.limit = LIMIT;
    // Budgets and preemption are of the machine's time: the host's load must not show in it.
    if kernel.counts_instructions(&board) {
        machine.clock = Clock::InstructionsJumping;
    }
    let mut seen = Seen::default();
    let end = molt_qemu::run(&machine, &mut seen)?;
    step.done();
    if !seen.closed {
        complain!(
            "the suite did not close ({end:?}); its last line: {}",
            seen.last
        );
    }
    Ok(seen)
}
