// SPDX-License-Identifier: BSD-2-Clause
//! Board files: what the SDK's own files do not say about a board, and what was run on it.
//!
//! A board's file is `boards/NAME.toml`, by the SDK's name of the board; docs/boards.md says what stands in it.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use molt_payload::CoreReset;
pub use molt_uart::Kind;
pub use sel4_config_tables::Arch;
use serde::{Deserialize, Deserializer};

/// The folder of the board files, in the repository.
pub const FOLDER: &str = "boards";

/// Why there is no board.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The board has no file.
    #[error(
        "board '{name}' has no file {}: docs/boards.md says how to add a board; there are: {}",
        path.display(), there.join(", ")
    )]
    Unknown {
        /// The board.
        name: String,
        /// The file that it would have.
        path: PathBuf,
        /// The boards that have one.
        there: Vec<String>,
    },
    /// A file or the folder cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no board file.
    #[error("{}: not a board file: {error}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
}

/// A board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// As an SDK calls it.
    #[serde(skip)]
    pub name: String,
    /// In a few words.
    pub about: String,
    /// The architecture.
    #[serde(default = "aarch64", deserialize_with = "by_name")]
    pub arch: Arch,
    /// The scenario with two bare guests, or native clients in their place, from the repository's root.
    pub demo: PathBuf,
    /// The console.
    pub uart: Uart,
    /// What the loader needs where the machine enters at EL3.
    pub el3: Option<El3>,
    /// What systems for this board have, by the names that they give it.
    pub devices: BTreeMap<String, Device>,
    /// How QEMU makes it.
    pub qemu: Qemu,
    /// What was run in QEMU.
    #[serde(default, rename = "run")]
    pub runs: Vec<Run>,
}

/// The UART that loader, `monitor` and `serial` write to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Uart {
    /// Which.
    #[serde(deserialize_with = "by_name")]
    pub kind: Kind,
    /// Physical address, or the first I/O port.
    pub address: u64,
}

/// What the loader needs on a machine without firmware, where it does the firmware's work.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct El3 {
    /// Physical address of the GICv2's distributor.
    pub gic_distributor: u64,
    /// Physical address of its CPU interface.
    pub gic_interface: u64,
    /// What starts the other cores.
    #[serde(deserialize_with = "by_name")]
    pub core_reset: CoreReset,
}

/// A device.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Physical address of its registers.
    pub address: u64,
    /// The interrupt controller's number of its interrupt.
    pub interrupt: Option<u32>,
}

/// A machine of QEMU.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// The oldest version of QEMU that works.
    pub at_least: Option<String>,
    /// It can run by the count of instructions.
    #[serde(default = "yes")]
    pub counts_instructions: bool,
    /// It always runs by the count of instructions.
    #[serde(default)]
    pub always_counts: bool,
    /// Machine, processor, memory.
    pub arguments: Vec<String>,
    /// The same for a Linux alone, with as much memory as a guest has: what `molt bench` compares with.
    pub linux: Option<Vec<String>>,
    /// The disk.
    pub disk: QemuDisk,
    /// The flash banks, by the names of their devices.
    #[serde(default)]
    pub flash: BTreeMap<String, QemuFlash>,
    /// The IOMMU, which is put in for a system that has devices' address spaces.
    #[serde(default)]
    pub iommu: Vec<String>,
    /// What else is put in for a system that has the device of this name.
    #[serde(default)]
    pub devices: BTreeMap<String, Vec<String>>,
}

/// How a disk is put into the machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuDisk {
    /// Where: the beginning of `-drive`'s value.
    pub drive: String,
    /// What else it takes.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Further arguments for a disk that answers at once.
    #[serde(default)]
    pub null: Vec<String>,
    /// Its size has to be a power of two.
    #[serde(default)]
    pub power_of_two: bool,
}

/// How a flash bank is put into the machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuFlash {
    /// `-drive`'s value, but for the file.
    pub drive: String,
    /// Bytes of the bank and of the file.
    pub size: u64,
}

/// Something that was run in QEMU, and came out well.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// On this kernel.
    pub kernel: String,
    /// In this configuration of it.
    pub config: String,
    /// QEMU's version.
    pub qemu: String,
    /// What.
    pub what: String,
}

impl Board {
    /// Reads a board's file; `root` is the repository's.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(root: &Path, name: &str) -> Result<Self, Error> {
        let path = root.join(FOLDER).join(format!("{name}.toml"));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Unknown {
                    name: name.to_owned(),
                    path,
                    there: names(root)?,
                });
            }
            Err(error) => return Err(Error::Read { path, error }),
        };
        match toml::from_str::<Self>(&text) {
            Ok(board) => Ok(Self {
                name: name.to_owned(),
                ..board
            }),
            Err(error) => Err(Error::Parse {
                path,
                error: Box::new(error),
            }),
        }
    }

    /// What QEMU takes for the devices at these addresses, beside disk and machine. Each address has the name that the system gives it:
    /// where the board can have one of several devices, the name says which.
    pub fn device_arguments<'s>(
        &self,
        places: impl Iterator<Item = (&'s str, u64)>,
    ) -> Vec<String> {
        let places: Vec<_> = places.collect();
        let devices = self.qemu.devices.iter();
        let arguments = devices.filter(|(name, _)| self.is_among(name, &places));
        arguments.flat_map(|(_, words)| words).cloned().collect()
    }

    /// The flash banks at these addresses, each with its name.
    pub fn flash<'s>(
        &self,
        places: impl Iterator<Item = (&'s str, u64)>,
    ) -> impl Iterator<Item = (&str, &QemuFlash)> {
        let places: Vec<_> = places.collect();
        let banks = self.qemu.flash.iter();
        let there = banks.filter(move |(name, _)| self.is_among(name, &places));
        there.map(|(name, bank)| (name.as_str(), bank))
    }

    fn is_among(&self, name: &str, places: &[(&str, u64)]) -> bool {
        let device = self.devices.get(name);
        places.iter().any(|(own, address)| {
            let known = self.devices.contains_key(*own);
            device.is_some_and(|device| device.address == *address) && (!known || *own == name)
        })
    }

    /// All boards, by name.
    ///
    /// # Errors
    /// [`Error`].
    pub fn all(root: &Path) -> Result<Vec<Self>, Error> {
        names(root)?
            .iter()
            .map(|name| Self::load(root, name))
            .collect()
    }
}

const fn aarch64() -> Arch {
    Arch::Aarch64
}

const fn yes() -> bool {
    true
}

fn names(root: &Path) -> Result<Vec<String>, Error> {
    let path = root.join(FOLDER);
    let entries = fs::read_dir(&path).map_err(|error| Error::Read { path, error })?;
    let files = entries
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()));
    let boards = files.filter(|file| file.extension().is_some_and(|e| e == "toml"));
    let mut names: Vec<String> = boards
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn by_name<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(serde::de::Error::custom)
}
