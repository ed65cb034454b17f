// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ELF and the sizes that its configuration fixes.

use crate::elf::Elf;
use crate::{Error, files};
use std::path::PathBuf;

/// Which kernel.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// The embedded kernel's ELF.
    Embedded(PathBuf),
    /// `sel4.elf` of a Microkit SDK.
    Sdk {
        /// The SDK's directory.
        dir: PathBuf,
        /// `qemu_virt_aarch64`
        board: String,
        /// `release`, `debug` or `benchmark`.
        config: String,
    },
}

/// Object sizes that differ between configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// log2 of a TCB's bytes.
    pub tcb_bits: u32,
}

impl Sizes {
    /// The SDK's release configuration, and the embedded kernel's.
    pub const RELEASE: Sizes = Sizes { tcb_bits: 11 };
}

/// A kernel, read.
pub struct Kernel {
    pub elf: Elf,
    pub sizes: Sizes,
}

impl Kernel {
    pub fn read(source: &KernelSource) -> Result<Self, Error> {
        let (path, sizes) = match source {
            KernelSource::Embedded(path) => (path.clone(), Sizes::RELEASE),
            KernelSource::Sdk { dir, board, config } => {
                let base = dir.join("board").join(board).join(config);
                (
                    base.join("elf/sel4.elf"),
                    sizes(base.join("object_sizes.json"))?,
                )
            }
        };
        let bytes = files::read(&path)?;
        let elf = Elf::parse(&bytes).map_err(|reason| Error::Program { path, reason })?;
        Ok(Kernel { elf, sizes })
    }
}

fn sizes(path: PathBuf) -> Result<Sizes, Error> {
    let bytes = files::read(&path)?;
    let table: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| Error::File {
        path: path.clone(),
        error: error.into(),
    })?;
    let bits = table
        .get("tcb")
        .and_then(serde_json::Value::as_u64)
        .ok_or(Error::Sdk { path, what: "tcb" })?;
    Ok(Sizes {
        tcb_bits: bits as u32,
    })
}
