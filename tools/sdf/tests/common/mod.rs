// SPDX-License-Identifier: BSD-2-Clause
//! Where the fixtures are, and how they are read.

use molt_sdf::{Arch, Error, Source, System};
use std::path::{Path, PathBuf};

/// `tests/fixtures/sdf`
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sdf")
}

/// The `.system` files in a folder, sorted.
pub fn descriptions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the fixtures");
    let mut all: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.extension().is_some_and(|e| e == "system"));
    all.sort();
    all
}

/// Checks a text under a name.
pub fn check_text(name: &str, text: String) -> Result<System, Error> {
    let arch = match name.contains("x86_64") {
        true => Arch::X86_64,
        false => Arch::Aarch64,
    };
    molt_sdf::check_for(
        arch,
        Source::new(name.to_owned(), text),
        &[folder().join("prefill")],
    )
}

/// Checks a file, which messages call by its name without folders.
#[allow(dead_code, reason = "the mutations are of texts only")]
pub fn check(path: &Path) -> Result<System, Error> {
    let name = path.file_name().unwrap().to_string_lossy();
    check_text(&name, std::fs::read_to_string(path).expect("a description"))
}
