// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ELF and the configuration that programs for it are built for.

use crate::configuration::Configuration;
use crate::elf::Elf;
use crate::{Error, files};
use molt_payload::{ADDRESS_END, LINK_ADDRESS};
use molt_sdk::{Arch, Platform, Tables};
use std::ops::Range;
use std::path::PathBuf;

/// The embedded kernel's (`IRQ_COUNT` in `kernel/arch/src/layout.rs`).
const EMBEDDED_INTERRUPTS: u64 = 160;
/// Private interrupts of each core (Arm IHI 0048, 2.2.1).
const PRIVATE_INTERRUPTS: u64 = 32;

/// Which kernel.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// The embedded kernel's ELF.
    Embedded(PathBuf),
    /// A Microkit SDK's.
    Sdk(Box<molt_sdk::Configuration>),
}

impl KernelSource {
    /// Its name, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            KernelSource::Embedded(_) => {
                "the embedded one, or 'release' of board 'qemu_virt_aarch64'".into()
            }
            KernelSource::Sdk(c) => format!("'{}' of board '{}'", c.name(), c.board().name()),
        }
    }

    /// The memory that it lists in BootInfo.
    pub(crate) fn platform(&self) -> Result<Platform, Error> {
        Ok(match self {
            KernelSource::Embedded(_) => Platform::embedded()?,
            KernelSource::Sdk(configuration) => configuration.platform().clone(),
        })
    }

    /// The cores that it runs on.
    pub(crate) fn cores(&self) -> u64 {
        match self {
            KernelSource::Embedded(_) => 1,
            KernelSource::Sdk(configuration) => configuration.cores(),
        }
    }

    /// Interrupts that a handler can be had for: those below this number; `None`: not known.
    pub(crate) fn interrupts(&self) -> Option<u64> {
        let KernelSource::Sdk(configuration) = self else {
            return Some(EMBEDDED_INTERRUPTS);
        };
        // In seL4's files the number follows only from the size of its table: a word for each interrupt, the private ones for each
        // core.
        if configuration.tables().arch() != Arch::Aarch64 {
            return None;
        }
        let bytes = std::fs::read(configuration.kernel()).ok()?;
        let kernel = Elf::parse(Arch::Aarch64, &bytes).ok()?;
        let (_, bytes) = kernel.symbol("intStateIRQTable")?;
        (bytes / 8).checked_sub(PRIVATE_INTERRUPTS * (configuration.cores() - 1))
    }

    /// What programs for it are built for.
    pub(crate) fn tables(&self) -> Result<Tables, Error> {
        Ok(match self {
            KernelSource::Embedded(_) => Tables::embedded().map_err(molt_sdk::Error::Tables)?,
            KernelSource::Sdk(configuration) => configuration.tables().clone(),
        })
    }
}

/// An AArch64 kernel, read.
pub struct Kernel {
    pub elf: Elf,
    pub configuration: Configuration,
    /// The RAM that it uses, around the image.
    pub ram: Range<u64>,
}

impl Kernel {
    pub fn read(configuration: Configuration) -> Result<Self, Error> {
        let ram = ram(&configuration.platform)?;
        let path = match configuration.kernel() {
            KernelSource::Embedded(path) => path.clone(),
            KernelSource::Sdk(configuration) => configuration.kernel(),
        };
        let bytes = files::read(&path)?;
        let elf =
            Elf::parse(Arch::Aarch64, &bytes).map_err(|reason| Error::Program { path, reason })?;
        Ok(Kernel {
            elf,
            configuration,
            ram,
        })
    }
}

/// The memory of the board that holds the image, as far as the loader maps it.
fn ram(platform: &Platform) -> Result<Range<u64>, Error> {
    let mut memory = platform.memory.iter();
    let range = memory.find(|range| range.contains(&LINK_ADDRESS));
    let range = range.ok_or(Error::NoRam(LINK_ADDRESS))?;
    Ok(range.start..range.end.min(ADDRESS_END))
}
