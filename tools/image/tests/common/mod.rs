// SPDX-License-Identifier: BSD-2-Clause
//! What the tests build on: program images without a compiler, and a kernel that believes nothing.

pub mod elf;
pub mod model;

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

/// Writes a description into the folder.
pub fn description(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("system.xml");
    std::fs::write(&path, text).expect("a description");
    path
}
