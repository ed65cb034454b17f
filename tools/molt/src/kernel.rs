// SPDX-License-Identifier: BSD-2-Clause
//! Which kernel the image is for, and where its file is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_image::KernelSource;

use crate::arguments;
use crate::toolchain::{Target, Toolchain};

/// The one board of the embedded kernel, as an SDK calls it.
pub const EMBEDDED_BOARD: &str = "qemu_virt_aarch64";
/// The SDK that this was tried with.
const TRIED_SDK: &str = "2.3.0";
/// Its kernel.
const TRIED_KERNEL: &str = "16.0.0";

/// A kernel.
#[derive(Clone, Debug)]
pub enum Kernel {
    /// The one of this repository.
    Embedded,
    /// An SDK's.
    Sdk {
        /// The SDK.
        sdk: PathBuf,
        /// The board.
        board: String,
        /// The configuration.
        config: String,
        /// The folder of the board's configuration.
        folder: PathBuf,
    },
}

impl Kernel {
    /// What the command line asks for.
    pub fn choose(arguments: &arguments::Kernel) -> Result<Self> {
        let Some(sdk) = &arguments.sdk else {
            if arguments.production {
                bail!(
                    "--production needs a Microkit SDK (--sdk DIR): the embedded kernel is for trying out, not for use"
                );
            }
            if arguments.board != EMBEDDED_BOARD || arguments.config != "release" {
                bail!(
                    "board '{}', configuration '{}' needs a Microkit SDK (--sdk DIR): the embedded kernel is {EMBEDDED_BOARD}, release",
                    arguments.board,
                    arguments.config
                );
            }
            return Ok(Self::Embedded);
        };
        check_version(sdk)?;
        let boards = sdk.join("board");
        let board = boards.join(&arguments.board);
        if !board.is_dir() {
            bail!(
                "{}: this SDK has no board '{}', but: {}",
                sdk.display(),
                arguments.board,
                names(&boards)
            );
        }
        let configuration = board.join(&arguments.config);
        if !configuration.join("elf/sel4.elf").is_file() {
            bail!(
                "{}: board '{}' has no kernel elf/sel4.elf in configuration '{}'; it has: {}",
                sdk.display(),
                arguments.board,
                arguments.config,
                names(&board)
            );
        }
        let folder = fs::canonicalize(&configuration)
            .with_context(|| format!("{}: cannot be reached", configuration.display()))?;
        Ok(Self::Sdk {
            sdk: sdk.clone(),
            board: arguments.board.clone(),
            config: arguments.config.clone(),
            folder,
        })
    }

    /// The folder of the SDK's configuration.
    pub fn sdk(&self) -> Option<&Path> {
        match self {
            Self::Embedded => None,
            Self::Sdk { folder, .. } => Some(folder),
        }
    }

    /// As reports name it.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded => "embedded".into(),
            Self::Sdk { .. } => format!("sel4-{TRIED_KERNEL}"),
        }
    }

    /// As an SDK calls it.
    pub fn board(&self) -> &str {
        match self {
            Self::Embedded => EMBEDDED_BOARD,
            Self::Sdk { board, .. } => board,
        }
    }

    /// Where it is; ours is built here.
    pub fn source(&self, toolchain: &Toolchain) -> Result<KernelSource> {
        Ok(match self {
            Self::Embedded => KernelSource::Embedded(
                toolchain
                    .build(&["molt-kernel"], Target::Bare, &[], None)?
                    .join("molt-kernel"),
            ),
            Self::Sdk {
                sdk, board, config, ..
            } => KernelSource::Sdk {
                dir: sdk.clone(),
                board: board.clone(),
                config: config.clone(),
            },
        })
    }
}

fn check_version(sdk: &Path) -> Result<()> {
    let found = ["VERSION", "VERSION.txt"]
        .iter()
        .find_map(|name| fs::read_to_string(sdk.join(name)).ok());
    let Some(found) = found else {
        bail!(
            "{}: not a Microkit SDK (no file VERSION): expected the unpacked SDK {TRIED_SDK}",
            sdk.display()
        );
    };
    if found.trim() != TRIED_SDK {
        bail!(
            "{}: Microkit SDK {} was not tried; expected {TRIED_SDK} (seL4 {TRIED_KERNEL})",
            sdk.display(),
            found.trim()
        );
    }
    Ok(())
}

fn names(folder: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if names.is_empty() {
        "nothing".into()
    } else {
        names.join(", ")
    }
}
