// SPDX-License-Identifier: BSD-2-Clause
//! Which kernel the image is for, and where its file is.

use std::path::PathBuf;

use anyhow::{Result, bail};
use molt_board::Board;
use molt_image::KernelSource;
use molt_qemu::{Boot, Machine};
use molt_sdk::{Arch, Configuration, Error, Sdk, Tables};

use crate::arguments;
use crate::toolchain::{Target, Toolchain};

/// The one board of the embedded kernel, as an SDK calls it.
pub const EMBEDDED_BOARD: &str = "qemu_virt_aarch64";
/// Its one configuration, as an SDK calls it.
pub const EMBEDDED_CONFIGURATION: &str = "release";

/// A kernel.
#[derive(Clone, Debug)]
pub enum Kernel {
    /// The one of this repository.
    Embedded,
    /// An SDK's.
    Sdk(Box<Configuration>),
}

impl Kernel {
    /// The kernel that the command line selects.
    pub fn choose(arguments: &arguments::Kernel) -> Result<Self> {
        let (board, configuration) = (&arguments.board, &arguments.config);
        if let Some(sdk) = &arguments.sdk {
            let configuration = Sdk::open(sdk)?.board(board)?.configuration(configuration)?;
            return Ok(Self::Sdk(Box::new(configuration)));
        }
        if arguments.production {
            bail!(
                "--production needs a Microkit SDK (--sdk DIR): the embedded kernel is for trying out, not for use"
            );
        }
        if board != EMBEDDED_BOARD || configuration != EMBEDDED_CONFIGURATION {
            bail!(
                "board '{board}', configuration '{configuration}' needs a Microkit SDK (--sdk DIR): the embedded kernel is {EMBEDDED_BOARD}, {EMBEDDED_CONFIGURATION}"
            );
        }
        Ok(Self::Embedded)
    }

    /// The same kernel on another board.
    ///
    /// # Errors
    /// When there is none.
    pub fn on_board(&self, board: &str) -> Result<Self> {
        match self {
            kernel if kernel.board() == board => Ok(kernel.clone()),
            Self::Embedded => bail!("board '{board}' needs a Microkit SDK (--sdk DIR)"),
            Self::Sdk(configuration) => {
                let board = configuration.board().sdk().board(board)?;
                let other = board.configuration(configuration.name())?;
                Ok(Self::Sdk(Box::new(other)))
            }
        }
    }

    /// The configuration that programs are built for, if it is not the embedded kernel's: two kernels of one
    /// configuration run the same programs.
    pub fn programs_for(&self) -> Result<Option<&Configuration>> {
        Ok(match self {
            Self::Embedded => None,
            Self::Sdk(configuration) => {
                let same = *configuration.tables() == Tables::embedded().map_err(Error::Tables)?;
                (!same).then_some(configuration)
            }
        })
    }

    /// The SDK's configuration.
    pub fn sdk(&self) -> Option<&Configuration> {
        match self {
            Self::Embedded => None,
            Self::Sdk(configuration) => Some(configuration),
        }
    }

    /// As reports name it.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded => "embedded".into(),
            Self::Sdk(configuration) => {
                format!("sel4-{}", configuration.board().sdk().kernel_version())
            }
        }
    }

    /// The board's file.
    pub fn board_file(&self, toolchain: &Toolchain) -> Result<Board> {
        Ok(Board::load(toolchain.root(), self.board())?)
    }

    /// Its architecture.
    pub fn arch(&self) -> Arch {
        self.sdk().map_or(Arch::Aarch64, |sdk| sdk.tables().arch())
    }

    fn cores(&self) -> u64 {
        self.sdk().map_or(1, Configuration::cores)
    }

    /// A machine for it.
    pub fn machine(&self, board: &Board, image: PathBuf) -> Machine {
        let boot = match self.sdk().filter(|_| self.arch() == Arch::X86_64) {
            Some(configuration) => Boot::Multiboot {
                kernel: configuration.kernel_32(),
                module: image,
            },
            None => Boot::Image(image),
        };
        Machine::new(board, self.cores(), boot)
    }

    /// Whether that machine can run by the count of instructions.
    pub fn counts_instructions(&self, board: &Board) -> bool {
        board.qemu.counts_instructions && self.cores() == 1
    }

    /// As an SDK calls it.
    pub fn board(&self) -> &str {
        match self {
            Self::Embedded => EMBEDDED_BOARD,
            Self::Sdk(configuration) => configuration.board().name(),
        }
    }

    /// As an SDK calls it.
    pub fn configuration(&self) -> &str {
        match self {
            Self::Embedded => EMBEDDED_CONFIGURATION,
            Self::Sdk(configuration) => configuration.name(),
        }
    }

    /// Kernel, board and configuration in one word, for folders and messages.
    pub fn label(&self) -> String {
        format!("{}-{}-{}", self.name(), self.board(), self.configuration())
    }

    /// The description of the kernel, without its file.
    pub fn described(&self) -> KernelSource {
        match self {
            Self::Embedded => KernelSource::Embedded(PathBuf::new()),
            Self::Sdk(configuration) => KernelSource::Sdk(configuration.clone()),
        }
    }

    /// The kernel's file; the embedded kernel is built here.
    pub fn source(&self, toolchain: &Toolchain) -> Result<KernelSource> {
        Ok(match self {
            Self::Embedded => KernelSource::Embedded(
                toolchain
                    .build(&["molt-kernel"], Target::Bare, &[], None)?
                    .join("molt-kernel"),
            ),
            Self::Sdk(configuration) => KernelSource::Sdk(configuration.clone()),
        })
    }
}
