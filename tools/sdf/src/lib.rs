// SPDX-License-Identifier: BSD-2-Clause
//! Parses and checks the system description.
//!
//! `system.xml` is Microkit 2.3's system description with a few elements of ours (`docs/system-description.md`). [`load`] reads a
//! file into a [`System`] in which every rule holds that can be checked without the kernel and the program images; what
//! needs those (limits, symbols, overlap with segments) is checked by `molt-image`, which reports through the same
//! [`Error`].
//!
//! What is not for the architecture is refused as unsupported: `ioport` and `io_address_space` on AArch64, virtual machines
//! on x86_64, whose kernel is built without VT-x.
#![forbid(unsafe_code)]

mod error;
pub mod model;
mod parse;
mod rule;
mod rules;
mod source;
mod value;
mod xml;

pub use error::Error;
pub use model::System;
pub use rule::Rule;
pub use sel4_config_tables::Arch;
pub use source::{Source, Span};

use std::path::{Path, PathBuf};

/// Reads and checks a description. Prefill files without a directory are looked for beside the description and in
/// `search`.
///
/// # Errors
/// The first rule that the description breaks, with its place; or that a file cannot be read.
pub fn load(path: &Path, search: &[PathBuf]) -> Result<System, Error> {
    load_for(Arch::Aarch64, path, search)
}

/// [`load`], of a description for another architecture than AArch64.
///
/// # Errors
/// As [`load`].
pub fn load_for(arch: Arch, path: &Path, search: &[PathBuf]) -> Result<System, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::Read {
        path: path.to_owned(),
        error,
    })?;
    let mut directories = vec![path.parent().unwrap_or(Path::new("")).to_owned()];
    directories.extend(search.iter().cloned());
    check_for(
        arch,
        Source::new(path.display().to_string(), text),
        &directories,
    )
}

/// [`load`], of a description for the architecture that it is written for: the first that accepts it.
///
/// # Errors
/// If none accepts it, the error for AArch64.
pub fn load_any(path: &Path, search: &[PathBuf]) -> Result<System, Error> {
    load(path, search).or_else(|error| load_for(Arch::X86_64, path, search).map_err(|_| error))
}

/// Checks the text of a description; `search` is where prefill files are.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(source: Source, search: &[PathBuf]) -> Result<System, Error> {
    check_for(Arch::Aarch64, source, search)
}

/// [`check`], of a description for another architecture than AArch64.
///
/// # Errors
/// As [`check`].
pub fn check_for(arch: Arch, source: Source, search: &[PathBuf]) -> Result<System, Error> {
    let system = parse::system(arch, &source, search).map_err(|broken| broken.at(&source))?;
    rules::check(&system).map_err(|broken| broken.at(&source))?;
    Ok(System { source, ..system })
}
