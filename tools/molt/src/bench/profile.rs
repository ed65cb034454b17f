// SPDX-License-Identifier: BSD-2-Clause
//! Where the time of a row's requests goes: instructions by program and function, and the kernel's entries, counted by QEMU's plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_image::KernelSource;
use molt_profile::{Counts, Profile, Program};
use molt_qemu::Clock;

use super::console::Reader;
use super::path::SCENARIO;
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::{Edit, Scenario};
use crate::toolchain::Toolchain;
use crate::workspace::{self, Workspace};

/// How many requests in each row: enough for what comes seldom, such as the kernel's timer, to be among them.
pub const REQUESTS: u64 = 500;
/// The kernel's exception vectors: seL4's symbol, and the embedded kernel's.
const VECTORS: [&str; 2] = ["arm_vector_table", "molt_vectors"];

/// Builds the system for this and counts; `rows` are in the load's order.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    rows: &[&str],
    requests: u64,
) -> Result<Vec<Profile>> {
    let names = rows.join(",");
    let mut scenario = Scenario::load(&toolchain.root().join(SCENARIO))?;
    scenario.edits.push(Edit {
        from: "LOAD".into(),
        to: format!("requests={requests} seed=1 rows={names}"),
    });
    let workspace = Workspace::prepare(toolchain, &mut scenario, "bench-profile", kernel)?;
    let plugin = plugin(toolchain)?;
    let file = match kernel.source(toolchain)? {
        KernelSource::Embedded(file) => file,
        KernelSource::Sdk(configuration) => configuration.kernel(),
    };
    let step = Step::start(format!("profile of {names} on {}", kernel.label()));
    let kernel_itself = Program::read(kernel.name(), &file)?;
    let vectors = VECTORS.iter().find_map(|name| kernel_itself.address(name));
    let vectors =
        vectors.with_context(|| format!("{}: has no symbol of its vectors", file.display()))?;
    let mut programs = vec![kernel_itself];
    for file in elves(&workspace.directory)? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        programs.push(Program::read(name, &file)?);
    }
    let out = workspace.directory.join("counts");
    // The plugin writes one for each pair of marks.
    let files: Vec<PathBuf> = (0..rows.len())
        .map(|row| out.with_extension(row.to_string()))
        .collect();
    // What an earlier run has left is not to be taken for this one's.
    for file in files.iter().filter(|file| file.exists()) {
        fs::remove_file(file).with_context(|| format!("{}", file.display()))?;
    }
    let mut machine = workspace.machine.clone();
    machine.clock = Clock::InstructionsJumping;
    machine.limit = Duration::from_secs(scenario.limit);
    let arguments = vec![
        format!("out={}", out.display()),
        format!("vectors={vectors:#x}"),
    ];
    machine.plugin = Some((plugin, arguments));
    let mut reader = Reader::default();
    let end = molt_qemu::run(&machine, &mut reader)?;
    reader.lines(end, SCENARIO)?;
    let profile = |file: &PathBuf| {
        let text = fs::read_to_string(file)
            .with_context(|| format!("{}: QEMU's plugin has not written it", file.display()))?;
        let counts: Counts = (text.parse()).with_context(|| format!("{}", file.display()))?;
        Ok(Profile::new(&counts, &programs, requests))
    };
    let profiles = files.iter().map(profile).collect();
    step.done();
    profiles
}

/// The plugin, for a machine whose disk is to answer within the write that notifies it, and on which nothing is counted.
pub fn answering(toolchain: &Toolchain, folder: &Path) -> Result<(PathBuf, Vec<String>)> {
    let out = format!("out={}", folder.join("counts").display());
    Ok((plugin(toolchain)?, vec![out]))
}

/// The plugin, built for the host.
fn plugin(toolchain: &Toolchain) -> Result<PathBuf> {
    let _building = workspace::building(toolchain)?;
    let folder = toolchain.root().join("target");
    let output = toolchain
        .cargo()
        .args(["build", "--release", "--quiet", "--locked", "--package"])
        .args(["molt-qemu-plugin", "--target-dir"])
        .arg(&folder)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "molt-qemu-plugin does not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(folder.join("release/libmolt_qemu_plugin.so"))
}

/// The programs' files.
fn elves(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "elf"))
        .collect();
    files.sort();
    Ok(files)
}
