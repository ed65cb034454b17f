// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ELF and the configuration that programs for it are built for.

use crate::configuration::Configuration;
use crate::elf::Elf;
use crate::{Error, files};
use molt_payload::{ADDRESS_END, LINK_ADDRESS};
use molt_sdk::{Platform, Tables};
use std::ops::Range;
use std::path::PathBuf;

/// Which kernel.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// The embedded kernel's ELF.
    Embedded(PathBuf),
    /// A Microkit SDK's.
    Sdk(Box<molt_sdk::Configuration>),
}

impl KernelSource {
    /// As a person knows it.
    pub(crate) fn name(&self) -> String {
        match self {
            KernelSource::Embedded(_) => {
                "the embedded one, or 'release' of board 'qemu_virt_aarch64'".into()
            }
            KernelSource::Sdk(c) => format!("'{}' of board '{}'", c.name(), c.board().name()),
        }
    }

    /// The memory that it hands out.
    pub(crate) fn platform(&self) -> Result<Platform, Error> {
        Ok(match self {
            KernelSource::Embedded(_) => Platform::embedded()?,
            KernelSource::Sdk(configuration) => configuration.platform().clone(),
        })
    }

    /// What programs for it are built for.
    pub(crate) fn tables(&self) -> Result<Tables, Error> {
        Ok(match self {
            KernelSource::Embedded(_) => Tables::embedded().map_err(molt_sdk::Error::Tables)?,
            KernelSource::Sdk(configuration) => configuration.tables().clone(),
        })
    }
}

/// A kernel, read.
pub struct Kernel {
    pub elf: Elf,
    pub configuration: Configuration,
    /// The RAM that it uses, around the image.
    pub ram: Range<u64>,
}

/// The RAM of QEMU's virt machine with 2 GiB.
const VIRT_RAM: Range<u64> = 0x4000_0000..0xc000_0000;

impl Kernel {
    pub fn read(source: &KernelSource) -> Result<Self, Error> {
        let (path, ram) = match source {
            KernelSource::Embedded(path) => (path.clone(), VIRT_RAM),
            KernelSource::Sdk(configuration) => (configuration.kernel(), ram(configuration)?),
        };
        let bytes = files::read(&path)?;
        let elf = Elf::parse(&bytes).map_err(|reason| Error::Program { path, reason })?;
        Ok(Kernel {
            elf,
            configuration: Configuration::of(source)?,
            ram,
        })
    }
}

/// The memory of the board that holds the image, as far as the loader maps it.
fn ram(configuration: &molt_sdk::Configuration) -> Result<Range<u64>, Error> {
    let mut memory = configuration.platform().memory.iter();
    match memory.find(|range| range.contains(&LINK_ADDRESS)) {
        Some(range) => Ok(range.start..range.end.min(ADDRESS_END)),
        None => Err(Error::NoRam(
            configuration.board().name().to_owned(),
            LINK_ADDRESS,
        )),
    }
}
