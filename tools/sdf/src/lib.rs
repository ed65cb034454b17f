// SPDX-License-Identifier: BSD-2-Clause
//! Parses and checks the system description.
//!
//! `system.xml` is Microkit 2.3's system description with a few elements of ours (`docs/system-description.md`). [`load`] reads a
//! file into a [`System`] in which every rule holds that can be checked without the kernel and the program images; what
//! needs those (limits, symbols, overlap with segments) is checked by `molt-image`, which reports through the same
//! [`Error`].
//!
//! Of Microkit's elements, those that QEMU's AArch64 virt board cannot have (`ioport`, `io_address_space`) are refused as
//! unsupported.
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
pub use source::{Source, Span};

use std::path::{Path, PathBuf};

/// Reads and checks a description. Prefill files without a directory are looked for beside the description and in
/// `search`.
///
/// # Errors
/// The first rule that the description breaks, with its place; or that a file cannot be read.
pub fn load(path: &Path, search: &[PathBuf]) -> Result<System, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::Read {
        path: path.to_owned(),
        error,
    })?;
    let mut directories = vec![path.parent().unwrap_or(Path::new("")).to_owned()];
    directories.extend(search.iter().cloned());
    check(Source::new(path.display().to_string(), text), &directories)
}

/// Checks the text of a description; `search` is where prefill files are.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(source: Source, search: &[PathBuf]) -> Result<System, Error> {
    let system = parse::system(&source, search).map_err(|broken| broken.at(&source))?;
    rules::check(&system).map_err(|broken| broken.at(&source))?;
    Ok(System { source, ..system })
}
