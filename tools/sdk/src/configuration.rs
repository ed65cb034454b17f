// SPDX-License-Identifier: BSD-2-Clause
//! A board's kernel in one configuration, and what the SDK says about it.

use std::path::{Path, PathBuf};

use molt_payload::MAX_CORES;
use sel4_config_tables::{Arch, CONFIG, LABELS, SIZES, Setting, Tables};

use crate::{Board, Error, Platform, platform};

const KERNEL: &str = "elf/sel4.elf";
/// The same in an ELF of 32 bits, which is what multiboot loaders take (x86_64 only).
const KERNEL_32: &str = "elf/sel4_32.elf";
/// The key of the number of cores.
const CORES: &str = "MAX_NUM_NODES";

/// A key of a kernel's configuration, the value that Molt's programs need, and what that means.
type Need = (&'static str, &'static str, &'static str);

/// What an x86_64 kernel must be.
const X86_64: [Need; 4] = [
    ("KERNEL_MCS", "true", "an MCS kernel"),
    ("VTX", "false", "a kernel without VT-x"),
    ("IRQ_IOAPIC", "true", "a kernel with the I/O APIC"),
    ("IOMMU", "true", "a kernel with support of an IOMMU"),
];

/// What another kernel must be.
const AARCH64: [Need; 4] = [
    ("SEL4_ARCH", "aarch64", "an AArch64 or x86_64 kernel"),
    ("KERNEL_MCS", "true", "an MCS kernel"),
    (
        "ARM_HYPERVISOR_SUPPORT",
        "true",
        "a kernel in hypervisor mode",
    ),
    ("ARM_PA_SIZE_BITS_40", "true", "40 bits of physical address"),
];

/// A configuration of a board.
#[derive(Clone, Debug)]
pub struct Configuration {
    board: Board,
    name: String,
    folder: PathBuf,
    tables: Tables,
    platform: Platform,
    cores: u64,
}

impl Configuration {
    pub(crate) fn read(board: &Board, name: &str, folder: PathBuf) -> Result<Self, Error> {
        let sdk = board.sdk().root();
        let there = |file: &str| {
            if folder.join(file).is_file() {
                return Ok(());
            }
            Err(Error::Incomplete {
                sdk: sdk.to_owned(),
                file: folder.join(file),
            })
        };
        [KERNEL, CONFIG, LABELS, SIZES]
            .map(there)
            .into_iter()
            .collect::<Result<(), _>>()?;
        let arch = needed(board, name, &folder)?;
        let tables = Tables::read(&folder)?;
        let platform = match arch {
            Arch::Aarch64 => {
                there(platform::FILE)?;
                Platform::read(&folder)?
            }
            // What memory there is, the machine tells the kernel when it starts.
            Arch::X86_64 => {
                there(KERNEL_32)?;
                Platform::default()
            }
        };
        Ok(Self {
            cores: cores(board, name, &tables)?,
            tables,
            platform,
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

    /// The kernel's ELF of 32 bits, which multiboot loaders take; there is one of an x86_64 kernel only.
    #[must_use]
    pub fn kernel_32(&self) -> PathBuf {
        self.folder.join(KERNEL_32)
    }

    /// What programs for it are built for.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The cores that the kernel runs on, all of which it waits for when it starts.
    #[must_use]
    pub fn cores(&self) -> u64 {
        self.cores
    }

    /// The board's memory.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

/// The number of cores, which the loader has to be able to start.
fn cores(board: &Board, name: &str, tables: &Tables) -> Result<u64, Error> {
    let found = match tables.config.get(CORES) {
        Some(Setting::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    (found.parse().ok())
        .filter(|cores| (1..=MAX_CORES).contains(cores))
        .ok_or_else(|| Error::Cores {
            board: board.name().to_owned(),
            configuration: name.to_owned(),
            found,
        })
}

/// Looked at before the tables: a kernel of another architecture lacks half of them.
fn needed(board: &Board, name: &str, folder: &Path) -> Result<Arch, Error> {
    let config = sel4_config_tables::object(&folder.join(CONFIG))?;
    let found = |key: &str| match config.get(key) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "nothing".to_owned(),
    };
    let (arch, needed) = match found("SEL4_ARCH").as_str() {
        "x86_64" => (Arch::X86_64, X86_64),
        _ => (Arch::Aarch64, AARCH64),
    };
    for (key, wanted, meaning) in needed {
        let found = found(key);
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
    Ok(arch)
}
