// SPDX-License-Identifier: BSD-2-Clause
//! Reads an unpacked Microkit SDK: [`Sdk`], its [`Board`]s, their [`Configuration`]s.
//!
//! Everything that the SDK says about a board (memory, device memory, the kernel's configuration, labels, object sizes) is
//! read from its own files and not repeated elsewhere.
#![forbid(unsafe_code)]

mod board;
mod configuration;
mod error;
mod platform;
mod version;

pub use board::Board;
pub use configuration::Configuration;
pub use error::Error;
pub use platform::Platform;
pub use sel4_config_tables::{Arch, Setting, Tables};
pub use version::TRIED;

use std::fs;
use std::path::{Path, PathBuf};

/// An SDK.
#[derive(Clone, Debug)]
pub struct Sdk {
    root: PathBuf,
    version: &'static version::Version,
}

impl Sdk {
    /// Opens the SDK in a folder.
    ///
    /// # Errors
    /// When it is none, or of a version that was not tried.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let root = fs::canonicalize(root).map_err(|_| Error::NotAnSdk(root.to_owned()))?;
        let version = version::read(&root)?;
        if !root.join(board::FOLDER).is_dir() {
            return Err(Error::NotAnSdk(root));
        }
        Ok(Self { root, version })
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SDK's version.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.version.sdk
    }

    /// The version of the seL4 in it.
    #[must_use]
    pub fn kernel_version(&self) -> &'static str {
        self.version.kernel
    }

    /// The names of its boards.
    #[must_use]
    pub fn boards(&self) -> Vec<String> {
        folders(&self.root.join(board::FOLDER))
    }

    /// One of its boards.
    ///
    /// # Errors
    /// When it has none of this name.
    pub fn board(&self, name: &str) -> Result<Board, Error> {
        if self.boards().iter().all(|board| board != name) {
            return Err(Error::NoBoard {
                sdk: self.root.clone(),
                board: name.to_owned(),
                boards: self.boards(),
            });
        }
        Ok(Board::new(self, name))
    }
}

impl Sdk {
    /// The first board and configuration with these tables.
    #[must_use]
    pub fn find(&self, digest: [u8; 32]) -> Option<Configuration> {
        let boards = self
            .boards()
            .into_iter()
            .map(|name| Board::new(self, &name));
        let all = boards.flat_map(|board| {
            let names = board.configurations();
            names
                .into_iter()
                .map(move |name| board.configuration(&name))
        });
        all.flatten().find(|c| c.tables().digest() == digest)
    }
}

/// The names of the folders in a folder, in their order.
fn folders(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
