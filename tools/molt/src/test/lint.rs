// SPDX-License-Identifier: BSD-2-Clause
//! The layout of the sources, and Clippy with its warnings as errors: over what runs on the host, tests included, and over what
//! runs on the machine, each program for its target.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::count::Count;
use crate::output::say;
use crate::toolchain::{Target, Toolchain};

/// Where Clippy's own results for the machine's programs go.
const FOLDER: &str = "target/clippy";
/// Folders of the packages that use no FP register; all others that are not for the host are protection domains, and what they
/// are made of.
const BARE: [&str; 3] = ["kernel", "loader", "tests/guests/bare"];

/// Runs them, each as one test.
pub fn run(toolchain: &Toolchain, filter: Option<&str>) -> Result<Count> {
    let mut count = Count::default();
    let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    if wanted("format") {
        let mut format = toolchain.cargo();
        format.args(["fmt", "--all", "--check"]);
        count += one(toolchain, "format", "cargo-fmt", format)?;
    }
    if wanted("clippy-host") {
        let mut clippy = toolchain.cargo();
        clippy
            .args(["clippy", "--locked", "--quiet", "--all-targets"])
            .arg("--target-dir")
            .arg(toolchain.root().join("target"));
        clippy.args(["--", "-D", "warnings"]);
        count += one(toolchain, "clippy-host", "cargo-clippy", clippy)?;
    }
    for (name, target) in [
        ("clippy-domains", Target::Domain),
        ("clippy-bare", Target::Bare),
    ] {
        if !wanted(name) {
            continue;
        }
        let folder = toolchain.root().join(FOLDER);
        let mut clippy = toolchain.for_target("clippy", target, &folder, None);
        clippy.args(["--release", "--quiet"]);
        for package in packages(toolchain, target)? {
            clippy.args(["--package", &package]);
        }
        clippy.args(["--", "-D", "warnings"]);
        count += one(toolchain, name, "cargo-clippy", clippy)?;
    }
    Ok(count)
}

/// Runs a command that needs a part of Rust which not everybody has.
fn one(toolchain: &Toolchain, name: &str, part: &str, mut command: Command) -> Result<Count> {
    let Some(beside) = toolchain.beside(part) else {
        say!(
            "skip   {name}: there is no {part} beside {}",
            toolchain.cargo().get_program().display()
        );
        return Ok(Count::SKIPPED);
    };
    // Cargo takes its parts from the PATH: those of its own version come first.
    command.env("PATH", beside);
    let output = command
        .output()
        .with_context(|| format!("cannot run {part}"))?;
    let passed = output.status.success();
    if passed {
        say!("ok     {name}");
    } else {
        let text = [output.stdout, output.stderr].concat();
        say!(
            "FAILED {name}:\n{}",
            String::from_utf8_lossy(&text).trim_end()
        );
    }
    Ok(Count::of(passed))
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
        let bare = BARE.iter().any(|bare| folder.starts_with(bare));
        if !on_host.contains(&package["id"]) && bare == (target == Target::Bare) {
            packages.insert(name.to_owned());
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_for_one_target() {
        let metadata = br#"{
            "workspace_default_members": ["a"],
            "packages": [
                {"id": "a", "name": "host", "manifest_path": "/root/tools/host/Cargo.toml"},
                {"id": "b", "name": "pd", "manifest_path": "/root/pds/pd/Cargo.toml"},
                {"id": "c", "name": "kernel", "manifest_path": "/root/kernel/arch/Cargo.toml"}
            ]
        }"#;
        let of = |target| of_target(metadata, "/root".as_ref(), target).unwrap();
        assert_eq!(of(Target::Domain), BTreeSet::from(["pd".to_owned()]));
        assert_eq!(of(Target::Bare), BTreeSet::from(["kernel".to_owned()]));
    }
}
