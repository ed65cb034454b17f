// SPDX-License-Identifier: BSD-2-Clause
//! The request path of Molt: the load in a Linux guest beside a bare one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use molt_bench::Line;
use molt_qemu::Clock;

use super::console::Reader;
use super::wanted::{IMAGE, MEMORY, Wanted};
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::{Edit, Scenario};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The scenario: the system with its changes.
pub const SCENARIO: &str = "tests/measure/path.toml";

/// The results of a run, and the folder with the files that it was built from.
pub struct Run {
    /// The load's lines.
    pub lines: Vec<Line>,
    /// Where the guest's kernel and initramfs are.
    pub directory: PathBuf,
}

/// Builds it for this run and measures.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, wanted: &Wanted<'_>, run: u64) -> Result<Run> {
    let (workspace, limit) = prepare(toolchain, kernel, wanted.arguments(run))?;
    let step = Step::start(format!("request path on {}, run {run}", kernel.label()));
    let mut machine = workspace.machine.clone();
    machine.clock = Clock::InstructionsJumping;
    machine.limit = limit;
    let mut reader = Reader::default();
    let end = molt_qemu::run(&machine, &mut reader)?;
    step.done();
    Ok(Run {
        lines: reader.lines(end, SCENARIO)?,
        directory: workspace.directory.clone(),
    })
}

/// The size of its image, and the memory of each part of the system, in KiB.
pub fn memory(toolchain: &Toolchain, kernel: &Kernel) -> Result<Vec<(String, f64)>> {
    let (workspace, _) = prepare(toolchain, kernel, "requests=1 seed=1".into())?;
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let name = |part: &String| format!("{MEMORY}{}_kib", part.replace([' ', '-'], "_"));
    let parts = workspace.report.parts.iter();
    let parts = parts.map(|(part, bytes)| (name(part), kib(*bytes)));
    Ok(
        std::iter::once((IMAGE.to_owned(), kib(workspace.report.image_size)))
            .chain(parts)
            .collect(),
    )
}

/// The system with the load's arguments, and how long it may take.
fn prepare(toolchain: &Toolchain, kernel: &Kernel, load: String) -> Result<(Workspace, Duration)> {
    let mut scenario = Scenario::load(&toolchain.root().join(SCENARIO))?;
    scenario.edits.push(Edit {
        from: "LOAD".into(),
        to: load,
    });
    let workspace = Workspace::prepare(toolchain, &mut scenario, "bench-path", kernel)?;
    Ok((workspace, Duration::from_secs(scenario.limit)))
}
