// SPDX-License-Identifier: BSD-2-Clause
//! The request path of Molt: the load in the Linux guest of the default system.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use molt_bench::figures;
use molt_qemu::Clock;

use super::console::Reader;
use super::wanted::Wanted;
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::{Edit, Scenario};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The system and what is other in it.
pub const SCENARIO: &str = "tests/measure/path.toml";

/// What a run gave, and where the files are that it was built from.
pub struct Run {
    /// Its figures.
    pub figures: Vec<(String, f64)>,
    /// Where the guest's kernel and initramfs are.
    pub directory: PathBuf,
}

/// Builds it for this run and measures.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, wanted: &Wanted<'_>, run: u64) -> Result<Run> {
    let mut scenario = Scenario::load(&toolchain.root().join(SCENARIO))?;
    scenario.edits.push(Edit {
        from: "LOAD".into(),
        to: wanted.arguments(run),
    });
    let workspace = Workspace::prepare(toolchain, &mut scenario, "bench-path", kernel)?;
    let step = Step::start(format!("request path on {}, run {run}", kernel.label()));
    let mut machine = kernel.machine(&workspace.board, workspace.image.clone());
    machine.disk = workspace.disk.clone();
    machine.clock = Clock::InstructionsJumping;
    machine.limit = Duration::from_secs(scenario.limit);
    let mut reader = Reader::default();
    let end = molt_qemu::run(&machine, &mut reader)?;
    step.done();
    Ok(Run {
        figures: figures(&reader.lines(end, SCENARIO)?),
        directory: workspace.directory.clone(),
    })
}
