// SPDX-License-Identifier: BSD-2-Clause
//! What can go wrong.

use std::io;
use std::path::PathBuf;

/// Why there is no Linux guest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program is not there.
    #[error("{program} does not start: {source} (package {package})")]
    Program {
        /// Which.
        program: &'static str,
        /// The package that contains it.
        package: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {complaint}")]
    Failed {
        /// Which.
        program: &'static str,
        /// Its message.
        complaint: String,
    },
    /// The guest's packages could not be had.
    #[error(
        "the Linux guest needs two of Debian's packages for arm64, linux-image-cloud-arm64 and busybox-static, which are fetched once, over the network, with this machine's apt: {0}. What needs no Linux works without them: './molt demo --guest bare'"
    )]
    Packages(Box<Error>),
    /// A package does not contain an expected file.
    #[error("package {package} for arm64 holds no {what}")]
    Missing {
        /// Which package.
        package: String,
        /// What was looked for.
        what: String,
    },
    /// Not one kernel.
    #[error("{}: packages with the modules of {count} kernels; exactly one is needed (linux-image-RELEASE, or \
             linux-binary-RELEASE with linux-modules-RELEASE and linux-base-RELEASE)", tree.display())]
    Kernels {
        /// Where they are unpacked.
        tree: PathBuf,
        /// How many there are.
        count: usize,
    },
}

impl Error {
    /// For `map_err`: which file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
