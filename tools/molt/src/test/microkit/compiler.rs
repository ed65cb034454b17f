// SPDX-License-Identifier: BSD-2-Clause
//! C programs, made as Microkit's manual says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use molt_sdk::Configuration;

/// Prefixes of the compilers that will do: Arm's, which the SDK is made with, and the distribution's.
const PREFIXES: [&str; 2] = ["aarch64-none-elf-", "aarch64-linux-gnu-"];

/// A C compiler for AArch64, with its linker.
pub struct Compiler {
    prefix: &'static str,
}

impl Compiler {
    /// The first one that is there.
    pub fn find() -> Option<Self> {
        let is_there = |prefix: &&&str| {
            let mut gcc = Command::new(format!("{prefix}gcc"));
            let gcc = gcc
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            gcc.status().is_ok_and(|status| status.success())
        };
        let prefix = PREFIXES.iter().find(is_there)?;
        Some(Self { prefix })
    }

    /// Makes a program `NAME.elf` of each `NAME.c` in a folder.
    pub fn programs(&self, folder: &Path, sdk: &Configuration, out: &Path) -> Result<()> {
        fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
        for entry in fs::read_dir(folder)?.flatten() {
            let source = entry.path();
            if source.extension().is_some_and(|ending| ending == "c") {
                self.program(&source, sdk, out)?;
            }
        }
        Ok(())
    }

    /// Makes a program from a source. Returns its path.
    pub fn program(&self, source: &Path, sdk: &Configuration, out: &Path) -> Result<PathBuf> {
        let name = source.file_stem().unwrap_or_default();
        let object = out.join(name).with_extension("o");
        let program = out.join(name).with_extension("elf");
        let mut compiler = Command::new(format!("{}gcc", self.prefix));
        compiler
            .args([
                "-c",
                "-O2",
                "-nostdlib",
                "-ffreestanding",
                "-mstrict-align",
                "-Wall",
                "-Werror",
            ])
            .arg("-I")
            .arg(sdk.folder().join("include"))
            // The headers that the sources share.
            .arg("-I")
            .arg(
                source
                    .parent()
                    .and_then(Path::parent)
                    .unwrap_or(Path::new("")),
            )
            .arg(source)
            .arg("-o")
            .arg(&object);
        finish(&mut compiler)?;
        let mut linker = Command::new(format!("{}ld", self.prefix));
        linker
            .arg("-L")
            .arg(sdk.folder().join("lib"))
            .arg(&object)
            .args(["-lmicrokit", "-Tmicrokit.ld", "-o"])
            .arg(&program);
        finish(&mut linker)?;
        Ok(program)
    }
}

fn finish(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{program} does not start"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
