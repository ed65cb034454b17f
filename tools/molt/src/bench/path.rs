// SPDX-License-Identifier: BSD-2-Clause
//! The Linux guest beside a bare one whose request path and start are measured.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use molt_bench::Line;
use molt_qemu::Clock;

use super::console::Reader;
use super::wanted::{IMAGE, MEMORY};
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::{Edit, Scenario};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The scenario: the system with its changes.
pub const SCENARIO: &str = "tests/measure/path.toml";

/// A login shell on the virtio console (`tools/linux/src/login-on-hvc0`), as the kernel's command line names a first program.
pub const LOGIN: &str = "rdinit=/bin/login-on-hvc0";

/// The load with these arguments, in the same way.
pub fn load(arguments: &str) -> String {
    format!("rdinit=/bin/molt-linux-load -- {arguments}")
}

/// The scenario with this first program.
pub fn scenario(toolchain: &Toolchain, program: &str) -> Result<Scenario> {
    let mut scenario = Scenario::load(&toolchain.root().join(SCENARIO))?;
    scenario.edits.push(Edit {
        from: "PROGRAM".into(),
        to: program.into(),
    });
    Ok(scenario)
}

/// The results of a run, and the folder with the files that it was built from.
pub struct Run {
    /// The first program's lines.
    pub lines: Vec<Line>,
    /// Where the guest's kernel and initramfs are.
    pub directory: PathBuf,
}

/// Builds it with this first program and measures; `what` is for the progress that is shown.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, program: &str, what: &str) -> Result<Run> {
    let (workspace, limit) = prepare(toolchain, kernel, program)?;
    let step = Step::start(format!("{what} on {}", kernel.label()));
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
    let (workspace, _) = prepare(toolchain, kernel, &load("requests=1 seed=1"))?;
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

/// The system with this first program, and how long it may take.
fn prepare(toolchain: &Toolchain, kernel: &Kernel, program: &str) -> Result<(Workspace, Duration)> {
    let mut scenario = scenario(toolchain, program)?;
    let workspace = Workspace::prepare(toolchain, &mut scenario, "bench-path", kernel)?;
    Ok((workspace, Duration::from_secs(scenario.limit)))
}
