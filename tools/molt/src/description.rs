// SPDX-License-Identifier: BSD-2-Clause
//! A system description by itself, without a scenario: built, and run for its console.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use molt_qemu::{Clock, Machine, Observer, Step};

use crate::kernel::Kernel;
use crate::scenario::Scenario;
use crate::toolchain::Toolchain;
use crate::workspace::{Builder, build_image};

/// Builds an image in a folder of its own below `target/molt`; `search` is where else files of the description are,
/// `linux` the packages for Linux guests.
///
/// Program images that are not found are built as packages of the checkout.
pub fn build(
    toolchain: &Toolchain,
    kernel: &Kernel,
    system: &Path,
    search: &[PathBuf],
    linux: Option<&Path>,
) -> Result<PathBuf> {
    // Bundles come from scenarios; an image alone has its guests' boot images without any.
    let scenario = Scenario {
        about: String::new(),
        system: system.to_owned(),
        edits: Vec::new(),
        features: Default::default(),
        disk: None,
        linux: linux.map(Path::to_owned),
        bundles: Vec::new(),
        expect: Default::default(),
        mutant: None,
        limit: 0,
        board: kernel.board().to_owned(),
    };
    let directory = toolchain.root().join("target/molt/build");
    fs::create_dir_all(&directory).with_context(|| format!("{}", directory.display()))?;
    Builder {
        toolchain,
        scenario: &scenario,
        kernel,
        directory: &directory,
        search,
    }
    .inputs()?;
    build_image(toolchain, kernel, system, &directory, search)
}

/// Boots an image and shows its console, until the machine ends by itself or `limit` has passed, which is how most
/// systems end: they have no last line.
pub fn run(mut machine: Machine, count_instructions: bool, limit: Duration) -> Result<()> {
    machine.limit = limit;
    if count_instructions {
        machine.clock = Clock::InstructionsJumping;
    }
    molt_qemu::run(&machine, &mut Console)?;
    Ok(())
}

struct Console;

impl Observer for Console {
    fn line(&mut self, _: Duration, line: &str) -> Step {
        println!("{line}");
        Step::Continue
    }
}
