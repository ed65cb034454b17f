// SPDX-License-Identifier: BSD-2-Clause
//! The layout of the sources, lock files that follow the manifests, and Clippy with its warnings as errors: over what runs
//! on the host, tests included, and over what runs on the machine, each program for its target.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::count::Count;
use crate::output::say;
use crate::toolchain::{Target, Toolchain};

/// The folder in which the target's programs are built: it already has the build scripts and macros.
const FOLDER: &str = "target/bare";
/// Folders of the packages that use no FP registers. All others that are not for the host are protection domains and their
/// libraries.
const BARE: [&str; 3] = ["kernel", "loader", "tests/guests/bare"];
/// The packages that are a workspace of their own, with a lock file of its own: a dependency that another package gets has to be written
/// there, too.
const OTHER_WORKSPACE: &str = "tools/fuzz/libfuzzer/Cargo.toml";
/// The folder of the controller's programs.
const CONTROLLER: &str = "controller";
const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// Runs them, each as one test.
pub fn run(toolchain: &Toolchain, filter: Option<&str>) -> Result<Count> {
    let mut count = Count::default();
    let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    if wanted("format") {
        count += match lacks_rustfmt(toolchain) {
            Some(why) => skip("format", &why),
            None => one("format", [format(toolchain)])?,
        };
    }
    if wanted("lock-file") {
        count += one("lock-file", [lock_file(toolchain)])?;
    }
    let lacks_clippy = lacks_clippy(toolchain)?;
    if wanted("clippy-host") {
        count += match &lacks_clippy {
            Some(why) => skip("clippy-host", why),
            None => one("clippy-host", [on_host(toolchain)])?,
        };
    }
    for (name, target) in [
        ("clippy-domains", Target::Domain),
        ("clippy-bare", Target::Bare),
        ("clippy-controller", Target::Controller),
    ] {
        if !wanted(name) {
            continue;
        }
        let lacks_target = match target {
            Target::Controller => toolchain.lacks_controller(),
            Target::Domain | Target::Bare => None,
        };
        count += match lacks_clippy.as_ref().or(lacks_target.as_ref()) {
            Some(why) => skip(name, why),
            None => {
                let packages = packages(toolchain, target)?;
                let commands = packages
                    .iter()
                    .map(|package| on_machine(toolchain, target, package));
                one(name, commands)?
            }
        };
    }
    Ok(count)
}

fn format(toolchain: &Toolchain) -> Command {
    let mut command = toolchain.subcommand("fmt");
    command.args(["--all", "--check"]);
    command
}

/// Fails where the lock file of the other workspace would have to change.
fn lock_file(toolchain: &Toolchain) -> Command {
    let mut command = toolchain.cargo();
    command
        .args(["update", "--workspace", "--locked", "--manifest-path"])
        .arg(toolchain.root().join(OTHER_WORKSPACE));
    command
}

fn on_host(toolchain: &Toolchain) -> Command {
    let mut command = toolchain.subcommand("clippy");
    command
        .args(["--locked", "--quiet", "--keep-going", "--all-targets"])
        .arg("--target-dir")
        .arg(toolchain.root().join("target"))
        .args(DENY);
    command
}

/// One package alone, with the features that it is built with: those of several packages at once are united, and a library
/// that one of them wants with an allocator is not to be had without one.
fn on_machine(toolchain: &Toolchain, target: Target, package: &str) -> Command {
    let folder = toolchain.root().join(FOLDER);
    let mut command = toolchain.for_target("clippy", target, &folder, None);
    command
        .args(["--release", "--quiet", "--keep-going", "--package", package])
        .args(DENY);
    command
}

/// Why rustfmt cannot be used here, if it cannot.
fn lacks_rustfmt(toolchain: &Toolchain) -> Option<String> {
    let answers = answer(&toolchain.beside("rustfmt"), "--version").is_some();
    let absent = !toolchain.beside("cargo-fmt").is_file() || !answers;
    absent.then(|| how_to_install(toolchain, "rustfmt", "rustfmt-web"))
}

/// Why Clippy cannot be used here, if it cannot.
fn lacks_clippy(toolchain: &Toolchain) -> Result<Option<String>> {
    let rustc = answer(&toolchain.beside("rustc"), "-vV").context("rustc does not answer")?;
    let driver = answer(&toolchain.beside("clippy-driver"), "-vV");
    Ok(match driver {
        Some(driver) if driver == rustc && toolchain.beside("cargo-clippy").is_file() => None,
        Some(driver) if driver != rustc => Some(format!(
            "Clippy is of another compiler ({}) than rustc ({}): install both in the same version",
            first_line(&driver),
            first_line(&rustc),
        )),
        _ => Some(how_to_install(toolchain, "clippy", "rust-web-clippy")),
    })
}

/// The output of a program, if it exists. rustup's proxy for a component that is not installed fails.
fn answer(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn how_to_install(toolchain: &Toolchain, component: &str, package: &str) -> String {
    format!(
        "there is no {component} beside {}: 'rustup component add {component}' installs it, or the distribution's package \
         {package}",
        toolchain.cargo().get_program().display()
    )
}

fn skip(name: &str, why: &str) -> Count {
    say!("skip   {name}: {why}");
    Count::SKIPPED
}

/// Runs the commands of one test.
fn one(name: &str, commands: impl IntoIterator<Item = Command>) -> Result<Count> {
    let mut complaints = Complaints::default();
    for mut command in commands {
        let output = command.output();
        let program = command.get_program().display();
        complaints.add(&output.with_context(|| format!("cannot run {program}"))?);
    }
    let passed = complaints.0.is_empty();
    if passed {
        say!("ok     {name}");
    } else {
        say!("FAILED {name}:\n{}", complaints.0.join("\n\n"));
    }
    Ok(Count::of(passed))
}

/// The output of the commands that failed. Messages about a library that several programs use are printed once.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, output: &Output) {
        if output.status.success() {
            return;
        }
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        for part in String::from_utf8_lossy(&text).split("\n\n") {
            let part = part.trim_matches('\n');
            if !self.0.iter().any(|known| known == part) {
                self.0.push(part.to_owned());
            }
        }
    }
}

/// The packages that are not for the host, for one of the machine's targets.
fn packages(toolchain: &Toolchain, target: Target) -> Result<BTreeSet<String>> {
    let mut metadata = toolchain.cargo();
    metadata.args(["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let output = metadata.output().context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    of_target(&output.stdout, toolchain.root(), target)
}

fn of_target(metadata: &[u8], root: &Path, target: Target) -> Result<BTreeSet<String>> {
    let metadata: Value = serde_json::from_slice(metadata).context("cargo metadata's answer")?;
    let list = |key: &str| metadata[key].as_array().cloned().unwrap_or_default();
    let on_host = list("workspace_default_members");
    let mut packages = BTreeSet::new();
    for package in list("packages") {
        let (Some(name), Some(manifest)) =
            (package["name"].as_str(), package["manifest_path"].as_str())
        else {
            bail!("cargo metadata's answer has a package without a name");
        };
        let folder = PathBuf::from(manifest);
        let folder = folder.strip_prefix(root).unwrap_or(&folder);
        let its = if folder.starts_with(CONTROLLER) {
            Target::Controller
        } else if BARE.iter().any(|bare| folder.starts_with(bare)) {
            Target::Bare
        } else {
            Target::Domain
        };
        if !on_host.contains(&package["id"]) && its == target {
            packages.insert(name.to_owned());
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn output(code: i32, text: &str) -> Output {
        Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: Vec::new(),
            stderr: text.into(),
        }
    }

    #[test]
    fn a_complaint_about_a_shared_library_is_shown_once() {
        let mut complaints = Complaints::default();
        complaints.add(&output(0, "note: nothing\n"));
        assert!(complaints.0.is_empty());
        complaints.add(&output(101, "error: shared\n --> lib\n\nerror: one\n"));
        complaints.add(&output(101, "error: shared\n --> lib\n\nerror: two\n"));
        assert_eq!(
            complaints.0,
            ["error: shared\n --> lib", "error: one", "error: two"]
        );
    }

    #[test]
    fn every_package_is_for_one_target() {
        let metadata = br#"{
            "workspace_default_members": ["a"],
            "packages": [
                {"id": "a", "name": "host", "manifest_path": "/root/tools/host/Cargo.toml"},
                {"id": "b", "name": "pd", "manifest_path": "/root/pds/pd/Cargo.toml"},
                {"id": "c", "name": "kernel", "manifest_path": "/root/kernel/arch/Cargo.toml"},
                {"id": "d", "name": "firmware", "manifest_path": "/root/controller/loader/Cargo.toml"}
            ]
        }"#;
        let of = |target| of_target(metadata, "/root".as_ref(), target).unwrap();
        assert_eq!(of(Target::Domain), BTreeSet::from(["pd".to_owned()]));
        assert_eq!(of(Target::Bare), BTreeSet::from(["kernel".to_owned()]));
        let controller = BTreeSet::from(["firmware".to_owned()]);
        assert_eq!(of(Target::Controller), controller);
    }
}
