// SPDX-License-Identifier: BSD-2-Clause
//! A board's kernel in one configuration, and what the SDK says about it.

use std::path::{Path, PathBuf};

use sel4_config_tables::{CONFIG, LABELS, SIZES, Tables};

use crate::{Board, Error, Platform, platform};

const KERNEL: &str = "elf/sel4.elf";

/// What a kernel must be for Molt's programs: key, value, and what that means.
const NEEDED: [(&str, &str, &str); 5] = [
    ("SEL4_ARCH", "aarch64", "an AArch64 kernel"),
    ("KERNEL_MCS", "true", "an MCS kernel"),
    (
        "ARM_HYPERVISOR_SUPPORT",
        "true",
        "a kernel in hypervisor mode",
    ),
    ("ARM_PA_SIZE_BITS_40", "true", "40 bits of physical address"),
    ("MAX_NUM_NODES", "1", "a kernel for one core"),
];

/// A configuration of a board.
#[derive(Clone, Debug)]
pub struct Configuration {
    board: Board,
    name: String,
    folder: PathBuf,
    tables: Tables,
    platform: Platform,
}

impl Configuration {
    pub(crate) fn read(board: &Board, name: &str, folder: PathBuf) -> Result<Self, Error> {
        let sdk = board.sdk().root();
        for file in [KERNEL, CONFIG, LABELS, SIZES, platform::FILE] {
            if !folder.join(file).is_file() {
                return Err(Error::Incomplete {
                    sdk: sdk.to_owned(),
                    file: folder.join(file),
                });
            }
        }
        needed(board, name, &folder)?;
        Ok(Self {
            tables: Tables::read(&folder)?,
            platform: Platform::read(&folder)?,
            board: board.clone(),
            name: name.to_owned(),
            folder,
        })
    }

    /// The board.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// `release`, `debug`, `benchmark`, …
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kernel's ELF.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.folder.join(KERNEL)
    }

    /// What programs for it are built for.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The board's memory.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

/// Looked at before the tables: a kernel of another architecture lacks half of them.
fn needed(board: &Board, name: &str, folder: &Path) -> Result<(), Error> {
    let config = sel4_config_tables::object(&folder.join(CONFIG))?;
    for (key, wanted, meaning) in NEEDED {
        let found = match config.get(key) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "nothing".to_owned(),
        };
        if found != wanted {
            return Err(Error::Unsuitable {
                board: board.name().to_owned(),
                configuration: name.to_owned(),
                key,
                found,
                wanted,
                meaning,
            });
        }
    }
    Ok(())
}
