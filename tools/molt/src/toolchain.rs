// SPDX-License-Identifier: BSD-2-Clause
//! The Rust toolchain that builds the target's programs. The entry script chooses it and passes it in the environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use molt_sdk::{Arch, Configuration};

use crate::progress::Detail;

/// The public key that the controller's programs are built with, if it was made.
pub const CONTROLLER_KEY: &str = "target/molt/keys/controller.raw";

/// The kind of target that a program is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Protection domains: hard float, the kernel keeps their FP/SIMD state.
    Domain,
    /// Kernel, loader and bare guests: they use no FP register.
    Bare,
    /// The controller's programs, whatever the machine is that it belongs to.
    Controller,
}

impl Target {
    fn triple(self, arch: Arch) -> &'static str {
        match (arch, self) {
            (_, Target::Controller) => "thumbv7em-none-eabi",
            (Arch::Aarch64, Target::Domain) => "aarch64-unknown-none",
            (Arch::Aarch64, Target::Bare) => "aarch64-unknown-none-softfloat",
            // Without SSE and x87: the kernel would keep them, and nothing here needs them.
            (Arch::X86_64, _) => "x86_64-unknown-none",
        }
    }
}

/// A cargo that can build for bare machines.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    linker: PathBuf,
    build_std: bool,
    root: PathBuf,
    /// Whether programs tell which line and which inlined function an instruction is of.
    lines: bool,
}

impl Toolchain {
    /// The toolchain that the entry script has found.
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
            lines: false,
        })
    }

    /// The same, for programs with line tables: the same instructions, and which inlined function each is of.
    pub fn with_lines(&self) -> Self {
        Self {
            lines: true,
            ..self.clone()
        }
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

    /// A program of Rust beside cargo, such as `rustc`: it has the same version, whichever one the PATH has first.
    pub fn beside(&self, program: &str) -> PathBuf {
        self.cargo.with_file_name(program)
    }

    /// A subcommand of cargo, in the checkout. One that is a program of its own (`cargo-clippy`, `cargo-fmt`) is started as
    /// such: cargo itself would take the one in its home folder first, which is rustup's, of whatever version.
    pub fn subcommand(&self, name: &str) -> Command {
        let program = self.beside(&format!("cargo-{name}"));
        if !program.is_file() {
            let mut command = self.cargo();
            command.arg(name);
            return command;
        }
        let mut command = Command::new(program);
        command.arg(name).current_dir(&self.root);
        command
            .env("CARGO", &self.cargo)
            .env("RUSTFMT", self.beside("rustfmt"));
        command
    }

    /// The compiler's version, as it says it.
    pub fn rustc_version(&self) -> Result<String> {
        let rustc = self.beside("rustc");
        let output = Command::new(&rustc).arg("--version").output();
        let output = output.with_context(|| format!("{} cannot be run", rustc.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Why the controller's programs cannot be built, if they cannot.
    pub fn lacks_controller(&self) -> Option<String> {
        let triple = Target::Controller.triple(Arch::Aarch64);
        if self.build_std {
            return None;
        }
        let asked = Command::new(self.beside("rustc"))
            .args(["--print", "target-libdir", "--target", triple])
            .output();
        let folder = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let there = folder.is_ok_and(|folder| Path::new(&folder).is_dir());
        (!there).then(|| {
            format!("this Rust has no target {triple}, which the controller's programs are for: 'rustup target add {triple}' installs it")
        })
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
        // Each configuration has its own folder, so that programs are not built again for another one.
        let directory = match configuration {
            None => "target/bare".to_owned(),
            Some(c) => format!("target/bare-{}-{}", c.board().name(), c.name()),
        };
        let directory = directory + if self.lines { "-lines" } else { "" };
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
        let directory = self.root.join(directory);
        let mut command = self.for_target("build", target, &directory, configuration);
        command.arg("--release");
        for package in packages {
            command.args(["--package", package]);
        }
        if !features.is_empty() {
            command.arg("--features").arg(features.join(","));
        }
        let said =
            watched(command).with_context(|| format!("cannot run {}", self.cargo.display()))?;
        let arch = configuration.map_or(Arch::Aarch64, |c| c.tables().arch());
        let triple = target.triple(arch);
        if let Err(said) = said {
            bail!(
                "{} does not build for {triple}:\n{said}",
                packages.join(", ")
            );
        }
        Ok(directory.join(triple).join("release"))
    }

    /// A cargo command for the target's programs. A user's settings for programs of the host (flags, wrappers, profiles) do not
    /// apply to them.
    pub fn for_target(
        &self,
        subcommand: &str,
        target: Target,
        directory: &Path,
        configuration: Option<&Configuration>,
    ) -> Command {
        let arch = configuration.map_or(Arch::Aarch64, |c| c.tables().arch());
        let triple = target.triple(arch);
        let mut command = self.subcommand(subcommand);
        command
            .args(["--locked", "--target", triple, "--target-dir"])
            .arg(directory);
        for (name, _) in env::vars_os().filter(|(name, _)| is_the_hosts(name)) {
            command.env_remove(name);
        }
        if self.build_std {
            command
                .arg("-Zbuild-std=core,alloc,compiler_builtins")
                .arg("-Zbuild-std-features=compiler-builtins-mem")
                // The distribution's stable compiler; our code itself uses no unstable feature.
                .env("RUSTC_BOOTSTRAP", "1");
        }
        if target == Target::Controller {
            // It goes over a serial line.
            command.args(["--config", "profile.release.opt-level=\"s\""]);
            let key = self.root.join(CONTROLLER_KEY);
            if key.is_file() {
                command.env("MOLT_CONTROLLER_KEY", key);
            }
        }
        if self.lines {
            command.args(["--config", "profile.release.debug=\"line-tables-only\""]);
        }
        let triple_in_capitals = triple.replace('-', "_").to_uppercase();
        let linker = format!("CARGO_TARGET_{triple_in_capitals}_LINKER");
        command.env(linker, &self.linker);
        // In this variable, which goes before all flags of configuration files, a blank in a path is no separator. Two
        // checkouts in two places give the same bytes.
        let mut flags = OsString::from("--remap-path-prefix=");
        flags.push(&self.root);
        flags.push("=molt");
        if arch == Arch::X86_64 {
            // The target's default is a program that can be at any address. (A unit separator stands between flags.)
            flags.push("\u{1f}-Crelocation-model=static");
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
        // Empty is none, also where a configuration file names one.
        for wrapper in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            command.env(wrapper, "");
        }
        match configuration {
            Some(configuration) => command.env("MOLT_SDK_CONFIG", configuration.folder()),
            None => command.env_remove("MOLT_SDK_CONFIG"),
        };
        command
    }
}

/// Runs cargo, and shows what it compiles. Returns, as an error, what else it has said if it fails.
fn watched(mut command: Command) -> std::io::Result<Result<(), String>> {
    let mut cargo = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut detail = Detail::new();
    let (mut said, mut compiled) = (String::new(), 0);
    for line in cargo
        .stderr
        .take()
        .into_iter()
        .flat_map(|all| BufReader::new(all).split(b'\n'))
    {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        match line.trim_start().split_once(' ') {
            Some(("Compiling", package)) => {
                compiled += 1;
                detail.say(format!("{compiled} packages compiled, now {package}"));
            }
            Some(("Blocking", why)) => detail.say(why),
            Some(("Finished" | "Downloading" | "Downloaded" | "Updating", _)) => {}
            _ => {
                said.push_str(&line);
                said.push('\n');
            }
        }
    }
    let ended = cargo.wait()?;
    Ok(if ended.success() { Ok(()) } else { Err(said) })
}

/// Whether a variable tells Cargo how programs of the host are to be built.
fn is_the_hosts(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let settings = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];
    settings.iter().any(|head| name.starts_with(head))
        || matches!(
            name,
            "RUSTFLAGS"
                | "CARGO_ENCODED_RUSTFLAGS"
                | "CARGO_INCREMENTAL"
                | "RUSTC_WRAPPER"
                | "RUSTC_WORKSPACE_WRAPPER"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(root: &str) -> Toolchain {
        Toolchain {
            cargo: "/usr/bin/cargo".into(),
            linker: "/usr/bin/ld.lld".into(),
            build_std: false,
            root: root.into(),
            lines: false,
        }
    }

    #[test]
    fn a_path_with_blanks_is_one_flag() {
        let root = "/home/me/my, \u{e4}\"'checkout";
        let directory = Path::new(root).join("target/bare");
        let command = toolchain(root).for_target("build", Target::Domain, &directory, None);
        let set = |wanted: &str| {
            let mut all = command.get_envs();
            let (_, value) = all.find(|(name, _)| *name == wanted).unwrap();
            value.unwrap().to_str().unwrap().to_owned()
        };
        let flag = format!("--remap-path-prefix={root}=molt");
        assert_eq!(set("CARGO_ENCODED_RUSTFLAGS"), flag);
        assert_eq!(set("RUSTC_WRAPPER"), "");
        assert_eq!(
            set("CARGO_TARGET_AARCH64_UNKNOWN_NONE_LINKER"),
            "/usr/bin/ld.lld"
        );
        assert!(command.get_args().any(|argument| argument == directory));
    }

    /// Cargo would start the one in its home folder.
    #[test]
    fn the_clippy_beside_cargo_is_started() {
        let folder = tempfile::tempdir().unwrap();
        let mut toolchain = toolchain("/root");
        toolchain.cargo = folder.path().join("cargo");
        let program = |name| toolchain.subcommand(name).get_program().to_owned();
        assert_eq!(program("clippy"), toolchain.cargo);
        let clippy = folder.path().join("cargo-clippy");
        std::fs::write(&clippy, "").unwrap();
        assert_eq!(program("clippy"), clippy);
        assert_eq!(program("build"), toolchain.cargo);
    }

    #[test]
    fn what_is_set_for_the_host_is_not_for_the_machine() {
        for name in [
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_AARCH64_UNKNOWN_NONE_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
        ] {
            assert!(is_the_hosts(name.as_ref()), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "PATH",
            "RUSTC",
            "MOLT_ROOT",
        ] {
            assert!(!is_the_hosts(name.as_ref()), "{name}");
        }
    }
}
