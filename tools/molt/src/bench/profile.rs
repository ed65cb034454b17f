// SPDX-License-Identifier: BSD-2-Clause
//! Where the time of a row's requests goes: instructions by program and function, and the kernel's entries, counted by QEMU's plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_image::KernelSource;
use molt_profile::{Counts, Profile, Program};
use molt_qemu::{Clock, Machine, Observer};
use molt_sdk::Arch;
use molt_trace::{Event, Line, Word};

use super::console::Reader;
use super::path::{self, SCENARIO};
use super::{blackout, native};
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::Scenario;
use crate::toolchain::Toolchain;
use crate::workspace::{self, Workspace};

/// How many requests in each row: enough for what comes seldom, such as the kernel's timer, to be among them.
pub const REQUESTS: u64 = 500;
/// The kernel's exception vectors on AArch64: seL4's symbol, and the embedded kernel's.
const VECTORS: [&str; 2] = ["arm_vector_table", "molt_vectors"];

/// Cold swaps in the profile of a blackout.
const SWAPS: usize = 20;

/// Builds the system for this and counts; `rows` are in the load's order.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    rows: &[&str],
    requests: u64,
) -> Result<Vec<Profile>> {
    Ok(measured(toolchain, kernel, rows, requests, 1)?.1)
}

/// The same, with the load's lines.
pub fn measured(
    toolchain: &Toolchain,
    kernel: &Kernel,
    rows: &[&str],
    requests: u64,
    seed: u64,
) -> Result<(Vec<molt_bench::Line>, Vec<Profile>)> {
    let names = rows.join(",");
    let arguments = format!("requests={requests} seed={seed} rows={names}");
    let (mut scenario, file) = match kernel.arch() {
        Arch::Aarch64 => (
            path::scenario(toolchain, &path::load(&arguments))?,
            SCENARIO,
        ),
        Arch::X86_64 => (native::scenario(toolchain, &arguments)?, native::SCENARIO),
    };
    let counting = Counting::prepare(toolchain, kernel, &mut scenario, What::Marked(rows.len()))?;
    let step = Step::start(format!("profile of {names} on {}", kernel.label()));
    let mut reader = Reader::default();
    let end = molt_qemu::run(&counting.machine, &mut reader)?;
    let lines = reader.lines(end, file)?;
    let profiles: Result<_> = (0..rows.len())
        .map(|row| {
            Ok(Profile::new(
                &counting.counts(row)?,
                &counting.programs,
                requests,
            ))
        })
        .collect();
    step.done();
    Ok((lines, profiles?))
}

/// The plugin, for a machine whose disk is to answer within the write that notifies it, and on which nothing is counted.
pub fn answering(toolchain: &Toolchain) -> Result<(PathBuf, Vec<String>)> {
    Ok((plugin(toolchain)?, vec![]))
}

/// The same for the blackout of a cold swap, which `update` marks: from where the old generation is to lose the device to where the new
/// one's first completion is seen.
pub fn blackout(toolchain: &Toolchain, kernel: &Kernel) -> Result<Profile> {
    let mut scenario = Scenario::load(&toolchain.root().join(blackout::SCENARIO))?;
    let counting = Counting::prepare(toolchain, kernel, &mut scenario, What::Marked(SWAPS))?;
    let step = Step::start(format!("profile of a blackout on {}", kernel.label()));
    let mut swaps = Swaps(0);
    molt_qemu::run(&counting.machine, &mut swaps)?;
    if swaps.0 < SWAPS {
        bail!(
            "{}: {} of {SWAPS} swaps were made",
            blackout::SCENARIO,
            swaps.0
        );
    }
    let mut all = Counts::default();
    for swap in 0..SWAPS {
        all.add(counting.counts(swap)?);
    }
    step.done();
    Ok(Profile::new(&all, &counting.programs, SWAPS as u64))
}

/// The same for the boot: from power-on to the guest's first program.
pub fn boot(toolchain: &Toolchain, kernel: &Kernel) -> Result<Profile> {
    let load = path::load("requests=1 seed=1 rows=read_4k_d1");
    let mut scenario = path::scenario(toolchain, &load)?;
    let counting = Counting::prepare(toolchain, kernel, &mut scenario, What::Boot)?;
    let step = Step::start(format!("profile of the boot on {}", kernel.label()));
    let mut reader = Reader::default();
    let end = molt_qemu::run(&counting.machine, &mut reader)?;
    reader.lines(end, SCENARIO)?;
    step.done();
    Ok(Profile::new(&counting.counts(0)?, &counting.programs, 1))
}

/// Stops the machine when enough blackouts were reported.
struct Swaps(usize);

impl Observer for Swaps {
    fn line(&mut self, _at: Duration, line: &str) -> molt_qemu::Step {
        let is_blackout = matches!(
            line.parse(),
            Ok(Line::<Word> {
                event: Event::Blackout { .. },
                ..
            })
        );
        self.0 += usize::from(is_blackout);
        match self.0 {
            SWAPS.. => molt_qemu::Step::Stop,
            _ => molt_qemu::Step::Continue,
        }
    }
}

/// What is counted.
#[derive(Clone, Copy)]
pub enum What {
    /// What runs between so many pairs of marks.
    Marked(usize),
    /// What runs from power-on to the end of the first pair.
    Boot,
}

/// A machine whose instructions are counted, and what runs on it.
pub struct Counting {
    pub machine: Machine,
    pub programs: Vec<Program>,
    /// The plugin writes a file for each pair of marks: this name, with the pair's number behind a dot.
    out: PathBuf,
}

impl Counting {
    /// Builds the scenario's system.
    pub fn prepare(
        toolchain: &Toolchain,
        kernel: &Kernel,
        scenario: &mut Scenario,
        what: What,
    ) -> Result<Self> {
        let workspace = Workspace::prepare(toolchain, scenario, "bench-profile", kernel)?;
        let file = match kernel.source(toolchain)? {
            KernelSource::Embedded(file) => file,
            KernelSource::Sdk(configuration) => configuration.kernel(),
        };
        let kernel_itself = Program::read(kernel.name(), &file)?;
        // On x86_64 the plugin knows the kernel by its addresses.
        let vectors = match kernel.arch() {
            Arch::X86_64 => None,
            Arch::Aarch64 => {
                let mut found = VECTORS
                    .iter()
                    .filter_map(|name| kernel_itself.address(name));
                let no_symbol = || format!("{}: has no symbol of its vectors", file.display());
                Some(found.next().with_context(no_symbol)?)
            }
        };
        let mut programs = vec![kernel_itself];
        for file in elves(&workspace.directory)? {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            programs.push(Program::read(name, &file)?);
        }
        let out = workspace.directory.join("counts");
        let mut machine = workspace.machine.clone();
        machine.clock = Clock::InstructionsJumping;
        machine.limit = Duration::from_secs(scenario.limit);
        let mut arguments = vec![format!("out={}", out.display())];
        arguments.extend(vectors.map(|address| format!("vectors={address:#x}")));
        let pairs = match what {
            What::Marked(pairs) => pairs,
            What::Boot => {
                arguments.push("boot=on".into());
                1
            }
        };
        machine.plugin = Some((plugin(toolchain)?, arguments));
        let this = Self {
            machine,
            programs,
            out,
        };
        // What an earlier run has left is not to be taken for this one's.
        for file in (0..pairs)
            .map(|pair| this.file(pair))
            .filter(|f| f.exists())
        {
            fs::remove_file(&file).with_context(|| format!("{}", file.display()))?;
        }
        Ok(this)
    }

    fn file(&self, pair: usize) -> PathBuf {
        self.out.with_extension(pair.to_string())
    }

    /// What was counted between a pair of marks, from 0 on.
    pub fn counts(&self, pair: usize) -> Result<Counts> {
        let file = self.file(pair);
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: QEMU's plugin has not written it", file.display()))?;
        (text.parse()).with_context(|| format!("{}", file.display()))
    }
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
