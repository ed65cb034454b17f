// SPDX-License-Identifier: BSD-2-Clause
//! Why tables could not be read.

use std::path::PathBuf;

/// Why tables could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: not a JSON object: {error}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// A table lacks a key.
    #[error("{}: no '{key}'", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What is missing.
        key: String,
    },
    /// The configuration has no number of this name.
    #[error("the kernel's configuration has no number '{0}'")]
    NoNumber(&'static str),
}
