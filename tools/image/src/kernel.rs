// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ELF and the configuration that programs for it are built for.

use crate::elf::Elf;
use crate::{Error, files};
use molt_sdk::{Configuration, Tables};
use std::path::PathBuf;

/// Which kernel.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// The embedded kernel's ELF.
    Embedded(PathBuf),
    /// A Microkit SDK's.
    Sdk(Box<Configuration>),
}

impl KernelSource {
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
    pub tables: Tables,
}

impl Kernel {
    pub fn read(source: &KernelSource) -> Result<Self, Error> {
        let path = match source {
            KernelSource::Embedded(path) => path.clone(),
            KernelSource::Sdk(configuration) => configuration.kernel(),
        };
        let bytes = files::read(&path)?;
        let elf = Elf::parse(&bytes).map_err(|reason| Error::Program { path, reason })?;
        Ok(Kernel {
            elf,
            tables: source.tables()?,
        })
    }
}
