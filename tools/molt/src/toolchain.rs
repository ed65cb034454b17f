// SPDX-License-Identifier: BSD-2-Clause
//! The Rust that builds what runs on the machine: chosen by the entry script, told by environment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use molt_sdk::Configuration;

/// What a program is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Protection domains: hard float, the kernel keeps their FP/SIMD state.
    Domain,
    /// Kernel, loader and bare guests: they use no FP register.
    Bare,
}

impl Target {
    fn triple(self) -> &'static str {
        match self {
            Target::Domain => "aarch64-unknown-none",
            Target::Bare => "aarch64-unknown-none-softfloat",
        }
    }
}

/// A cargo that can build for bare AArch64.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    linker: PathBuf,
    build_std: bool,
    root: PathBuf,
}

impl Toolchain {
    /// From what the entry script found.
    pub fn from_environment() -> Result<Self> {
        let get = |name: &str| {
            env::var_os(name)
                .with_context(|| format!("{name} is not set: start the tool as ./molt"))
        };
        Ok(Self {
            cargo: get("MOLT_CARGO")?.into(),
            linker: get("MOLT_LINKER")?.into(),
            build_std: get("MOLT_BUILD_STD")? == "1",
            root: get("MOLT_ROOT")?.into(),
        })
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// cargo, in the checkout.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(&self.root);
        command
    }

    /// Whether the checkout has a package of this name.
    pub fn has(&self, package: &str) -> bool {
        let mut command = self.cargo();
        command.args(["pkgid", "--locked", "--quiet", "--package", package]);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Builds the programs of these packages and returns the folder where their ELFs are, each named as its package.
    ///
    /// `features` select a version (of a single package); `configuration` is that of the kernel
    /// which the programs are for, the embedded kernel's otherwise.
    pub fn build(
        &self,
        packages: &[&str],
        target: Target,
        features: &[String],
        configuration: Option<&Configuration>,
    ) -> Result<PathBuf> {
        // Programs of different configurations stand side by side, so that none is built again for another.
        let directory = match configuration {
            None => "target/bare".to_owned(),
            Some(c) => format!("target/bare-{}-{}", c.board().name(), c.name()),
        };
        self.build_in(&directory, packages, target, features, configuration)
    }

    /// The same, with its working files in a folder of the checkout.
    pub fn build_in(
        &self,
        directory: &str,
        packages: &[&str],
        target: Target,
        features: &[String],
        configuration: Option<&Configuration>,
    ) -> Result<PathBuf> {
        let triple = target.triple();
        let directory = self.root.join(directory);
        let mut command = self.cargo();
        command
            .args(["build", "--release", "--locked", "--quiet"])
            .args(["--target", triple])
            .arg("--target-dir")
            .arg(&directory);
        for package in packages {
            command.args(["--package", package]);
        }
        if !features.is_empty() {
            command.arg("--features").arg(features.join(","));
        }
        if self.build_std {
            command
                .arg("-Zbuild-std=core,alloc,compiler_builtins")
                .arg("-Zbuild-std-features=compiler-builtins-mem")
                // The distribution's stable compiler; our code itself uses no unstable feature.
                .env("RUSTC_BOOTSTRAP", "1");
        }
        let triple_in_capitals = triple.replace('-', "_").to_uppercase();
        command
            .env(
                format!("CARGO_TARGET_{triple_in_capitals}_LINKER"),
                &self.linker,
            )
            // Two checkouts in two places give the same bytes.
            .env(
                format!("CARGO_TARGET_{triple_in_capitals}_RUSTFLAGS"),
                format!("--remap-path-prefix={}=molt", self.root.display()),
            );
        match configuration {
            Some(configuration) => command.env("MOLT_SDK_CONFIG", configuration.folder()),
            None => command.env_remove("MOLT_SDK_CONFIG"),
        };
        let output = command
            .output()
            .with_context(|| format!("cannot run {}", self.cargo.display()))?;
        if !output.status.success() {
            bail!(
                "{} does not build for {triple}:\n{}",
                packages.join(", "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(directory.join(triple).join("release"))
    }
}
