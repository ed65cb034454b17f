// SPDX-License-Identifier: BSD-2-Clause
//! `molt fuzz`: gives the targets of `molt-fuzz` to libFuzzer, which looks for bytes that reach new code.
//!
//! What it finds worth trying again is kept in `target/molt/fuzz/corpus`, and with `--keep` the smallest part of it that reaches the same
//! code in `tests/corpus`, which the tests on the host read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use molt_fuzz::{TARGETS, Target};

use crate::arguments::Fuzz;
use crate::output::{complain, say};
use crate::toolchain::Toolchain;

/// A run of more bytes finds nothing that a shorter one does not.
const LONGEST: &str = "-max_len=8192";
/// A run that takes so many seconds is a finding.
const SLOWEST: &str = "-timeout=20";
/// Coverage as libFuzzer reads it: a counter for each edge, its place, and what is compared with what.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Fuzzes. Returns whether nothing was found.
pub fn run(arguments: &Fuzz) -> Result<bool> {
    let chosen = chosen(arguments.target.as_deref())?;
    let toolchain = Toolchain::from_environment()?;
    let fuzzer = Fuzzer::build(&toolchain)?;
    if let (Some(file), [target]) = (&arguments.input, chosen.as_slice()) {
        return fuzzer.replay(target, file);
    }
    let mut nothing = true;
    for target in chosen {
        nothing &= fuzzer.fuzz(target, arguments.seconds)?;
        if arguments.keep {
            fuzzer.keep(target)?;
        }
    }
    Ok(nothing)
}

/// The target of this name, or all.
fn chosen(name: Option<&str>) -> Result<Vec<&'static Target>> {
    let Some(name) = name else {
        return Ok(TARGETS.iter().collect());
    };
    let Some(target) = molt_fuzz::target(name) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!(
            "there is no target '{name}'; there are: {}",
            names.join(", ")
        );
    };
    Ok(vec![target])
}

/// libFuzzer with the targets.
struct Fuzzer {
    program: PathBuf,
    root: PathBuf,
    folder: PathBuf,
}

impl Fuzzer {
    fn build(toolchain: &Toolchain) -> Result<Self> {
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        let found = Command::new(&compiler).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            bail!(
                "libFuzzer is built with a C++ compiler, and {} cannot be run: install g++, or name another in CXX",
                compiler.display()
            );
        }
        let root = toolchain.root().to_owned();
        let folder = root.join("target/molt/fuzz");
        let output = Command::new(toolchain.beside("rustc")).arg("-vV").output();
        let version = output.context("rustc cannot be run")?.stdout;
        let version = String::from_utf8_lossy(&version);
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not say which host it is for")?;
        let status = toolchain
            .cargo()
            .args(["build", "--locked", "--release", "--manifest-path"])
            .arg(root.join("tools/fuzz/libfuzzer/Cargo.toml"))
            // With a target, build scripts and macros are built without these flags.
            .args(["--target", host, "--target-dir"])
            .arg(folder.join("build"))
            .env("RUSTFLAGS", COVERAGE)
            .status()
            .context("cargo cannot be run")?;
        if !status.success() {
            bail!("the fuzzer does not build");
        }
        let program = folder
            .join("build")
            .join(host)
            .join("release/molt-libfuzzer");
        Ok(Self {
            program,
            root,
            folder,
        })
    }

    fn command(&self, target: &Target) -> Command {
        let mut command = Command::new(&self.program);
        command.env("MOLT_FUZZ", target.name);
        command
    }

    /// The committed corpus of a target.
    fn committed(&self, target: &Target) -> PathBuf {
        self.root.join("tests/corpus").join(target.name)
    }

    /// What this checkout has found so far.
    fn corpus(&self, target: &Target) -> Result<PathBuf> {
        let corpus = self.folder.join("corpus").join(target.name);
        create(&corpus)?;
        for (n, seed) in (target.seeds)().iter().enumerate() {
            let file = corpus.join(format!("seed-{n}"));
            fs::write(&file, seed).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(corpus)
    }

    /// Fuzzes one target. Returns whether nothing was found.
    fn fuzz(&self, target: &Target, seconds: u32) -> Result<bool> {
        say!("{}: {}", target.name, target.about);
        let (found, corpus) = (self.folder.join("found"), self.corpus(target)?);
        create(&found)?;
        let log = self.folder.join(format!("{}.log", target.name));
        let file =
            fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = self.command(target);
        command
            .arg(format!("-max_total_time={seconds}"))
            .args([LONGEST, SLOWEST])
            .arg(format!(
                "-artifact_prefix={}/{}-",
                found.display(),
                target.name
            ))
            .arg(&corpus);
        let committed = self.committed(target);
        if committed.is_dir() {
            command.arg(committed);
        }
        let status = command.stdout(Stdio::null()).stderr(file).status();
        let status = status.context("the fuzzer cannot be run")?;
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if status.success() {
            let last = text.lines().rev().find(|line| line.starts_with("Done "));
            let covered = text
                .lines()
                .rev()
                .find_map(|line| line.split(" cov: ").nth(1));
            let covered = covered
                .and_then(|rest| rest.split(' ').next())
                .unwrap_or("?");
            say!(
                "ok     {}: {}, {covered} edges",
                target.name,
                last.unwrap_or("done")
            );
            return Ok(true);
        }
        let fault = text
            .lines()
            .find(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
        complain!("FAILED {}: {}", target.name, fault.unwrap_or("see the log"));
        let artifact = text
            .lines()
            .find_map(|line| line.split("Test unit written to ").nth(1));
        if let Some(artifact) = artifact {
            complain!(
                "       again: ./molt fuzz {} --input {artifact}",
                target.name
            );
        }
        complain!("       log: {}", log.display());
        Ok(false)
    }

    /// Runs one input.
    fn replay(&self, target: &Target, file: &Path) -> Result<bool> {
        if !file.is_file() {
            bail!("{} is no file", file.display());
        }
        let status = self.command(target).arg(file).status();
        Ok(status.context("the fuzzer cannot be run")?.success())
    }

    /// Adds to the committed corpus what reaches code that it does not reach.
    fn keep(&self, target: &Target) -> Result<()> {
        let committed = self.committed(target);
        create(&committed)?;
        let status = self
            .command(target)
            // An edge counts once, however often it is taken: a few files are enough.
            .args(["-merge=1", "-use_counters=0"])
            .arg(&committed)
            .arg(self.corpus(target)?)
            .stderr(Stdio::null())
            .status()
            .context("the fuzzer cannot be run")?;
        if !status.success() {
            bail!("the corpus of '{}' cannot be merged", target.name);
        }
        let count = fs::read_dir(&committed).map_or(0, Iterator::count);
        say!("       {count} files in {}", committed.display());
        Ok(())
    }
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
