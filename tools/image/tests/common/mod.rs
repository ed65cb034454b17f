// SPDX-License-Identifier: BSD-2-Clause
//! What the tests share: program images made without a compiler, and a kernel that checks everything.

pub mod elf;
pub mod model;
#[allow(dead_code, reason = "for what the embedded kernel does not have")]
pub mod sdk;

use molt_image::{Error, KernelSource};
use std::path::{Path, PathBuf};

/// A folder with the programs that the test systems name.
pub fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "plain.elf",
        "update.elf",
        "stage.elf",
        "serial.elf",
        "timer.elf",
        "driver.elf",
        "client.elf",
    ] {
        std::fs::write(folder.path().join(name), elf::program(name.as_bytes())).expect("a program");
    }
    folder
}

/// Lays out a system for the embedded kernel.
#[allow(dead_code, reason = "domains are for other kernels")]
pub fn lay_out(system: &Path, search: &[PathBuf]) -> Result<Vec<u8>, Error> {
    molt_image::lay_out(system, search, &KernelSource::Embedded(PathBuf::new()))
}

/// Writes a description into the folder.
pub fn description(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("system.xml");
    std::fs::write(&path, text).expect("a description");
    path
}
