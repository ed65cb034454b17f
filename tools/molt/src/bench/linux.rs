// SPDX-License-Identifier: BSD-2-Clause
//! The same Linux alone on the same machine: the same kernel, initramfs, program and disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use molt_bench::{Line, System};
use molt_board::Board;
use molt_linux::Packages;
use molt_qemu::{Clock, Disk, Machine};

use super::console::Reader;
use crate::progress::Step;
use crate::toolchain::Toolchain;

/// Bytes of the disk: more than the load's offsets reach.
const DISK: u64 = 64 << 20;
/// As much of the host's time as a run may take.
const LIMIT: Duration = Duration::from_secs(600);

/// The files that it boots from.
pub struct Linux {
    board: Board,
    kernel: PathBuf,
    initramfs: PathBuf,
    release: String,
}

impl Linux {
    /// A machine with the kernel and the initramfs in this folder, which are those of Molt's guest. `None` if the board's file
    /// does not describe one.
    pub fn new(toolchain: &Toolchain, board: &Board, folder: &Path) -> Result<Option<Self>> {
        if board.qemu.linux.is_none() {
            return Ok(None);
        }
        let packages = Packages::obtain(&toolchain.root().join("target/molt/linux"))?;
        Ok(Some(Self {
            board: board.clone(),
            kernel: folder.join("Image"),
            initramfs: folder.join("initramfs.cpio"),
            release: packages.release().to_owned(),
        }))
    }

    /// As the table names it.
    pub fn system(&self) -> System {
        System {
            system: "linux".into(),
            kernel: self.release.clone(),
        }
    }

    /// The machine that boots it, without devices of its own.
    pub fn machine(&self, cmdline: &str) -> Result<Machine> {
        let (kernel, initramfs) = (self.kernel.clone(), self.initramfs.clone());
        Machine::linux(&self.board, kernel, initramfs, cmdline)
            .context("the board's file does not say how a Linux alone is run")
    }

    /// Measures with this first program; `what` is for the progress that is shown.
    pub fn run(&self, program: &str, what: &str) -> Result<Vec<Line>> {
        let step = Step::start(format!("{what} on the same Linux alone"));
        let cmdline = format!("console=ttyAMA0 quiet panic=-1 {program}");
        let mut machine = self.machine(&cmdline)?;
        machine.disk = Disk::Null(DISK);
        machine.clock = Clock::InstructionsJumping;
        machine.limit = LIMIT;
        let mut reader = Reader::default();
        let end = molt_qemu::run(&machine, &mut reader)?;
        step.done();
        reader.lines(end, "the Linux alone")
    }
}
