// SPDX-License-Identifier: BSD-2-Clause
//! Builds and runs a system description without a scenario.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_board::Board;
use molt_qemu::{Clock, Disk, Machine, Observer, Step};
use molt_report::Collector;
use molt_sdf::System;

use crate::attach::Attached;
use crate::kernel::Kernel;
use crate::output::{complain, say};
use crate::port::Port;
use crate::progress;
use crate::scenario::Scenario;
use crate::session;
use crate::toolchain::Toolchain;
use crate::workspace::{self, Builder, build_image, lock};

/// What was built.
pub struct Built {
    /// What the loader boots.
    pub image: PathBuf,
    /// The checked description.
    pub system: System,
    /// Where it was built.
    pub directory: PathBuf,
    /// Held while the folder is in use.
    _lock: File,
}

/// Builds an image in `target/molt/build`. `search`: further folders with files of the description; `linux`: the packages for
/// Linux guests.
///
/// Program images that are not found are built as packages of the checkout. If `make_keys`, public keys that are not found are
/// made, for trying out.
pub fn build(
    toolchain: &Toolchain,
    kernel: &Kernel,
    system: &Path,
    search: &[PathBuf],
    linux: Option<&Path>,
    make_keys: bool,
) -> Result<Built> {
    // Bundles come from scenarios; an image alone has its guests' boot images without any.
    let scenario = Scenario {
        about: String::new(),
        system: system.to_owned(),
        edits: Vec::new(),
        files: Default::default(),
        features: Default::default(),
        disk: None,
        flash: Default::default(),
        controller: None,
        qemu: Vec::new(),
        linux: linux.map(Path::to_owned),
        bundles: Vec::new(),
        typed: Vec::new(),
        expect: Default::default(),
        signer: None,
        host_clock: false,
        long: false,
        limit: 0,
        board: kernel.board().to_owned(),
    };
    let directory = toolchain.root().join("target/molt/build");
    let lock = lock(&directory)?;
    let _building = workspace::building(toolchain)?;
    let step = progress::Step::start(format!("building for {}", kernel.label()));
    let system_read = Builder {
        toolchain,
        scenario: &scenario,
        kernel,
        directory: &directory,
        search,
        make_keys,
    }
    .inputs()?;
    let (image, _) = build_image(toolchain, kernel, system, &directory, search)?;
    step.done();
    Ok(Built {
        image,
        system: system_read,
        directory,
        _lock: lock,
    })
}

/// The disk for a system: this file, which is made with the guests' file systems if it is not there.
///
/// # Errors
/// When the file is too small for the clients' shares, or cannot be made.
pub fn disk(built: &Built, board: &Board, file: Option<&Path>) -> Result<Disk> {
    let bytes = workspace::disk_bytes(board, &built.system);
    let Some(file) = file else {
        if bytes > 0 {
            complain!(
                "molt: the machine has no disk, of which this system's clients have {bytes} bytes: --disk FILE (made if it is not there)"
            );
        }
        return Ok(Disk::None);
    };
    if file.exists() {
        let size = molt_qemu::disk_size(file).with_context(|| format!("{}", file.display()))?;
        if size < bytes {
            bail!(
                "{}: {size} bytes, and the clients' shares of the disk are {bytes}",
                file.display()
            );
        }
    } else {
        let filesystems = workspace::filesystems(&built.system);
        workspace::make_image(file, bytes, &filesystems, &built.directory.join("scratch"))?;
    }
    // QEMU takes the text before a colon in a relative path for a protocol.
    let absolute = fs::canonicalize(file).with_context(|| format!("{}", file.display()))?;
    Ok(Disk::File(absolute))
}

/// Boots an image and shows its console, until the machine ends by itself or `limit` has passed, which is how most
/// systems end: they have no last line.
pub fn run(
    built: &Built,
    mut machine: Machine,
    count_instructions: bool,
    limit: Duration,
    port: Option<Port>,
    attached: Option<Attached>,
) -> Result<()> {
    machine.limit = limit;
    if count_instructions || machine.board.always_counts {
        machine.clock = match machine.disk {
            Disk::None => Clock::InstructionsJumping,
            _ => Clock::Instructions,
        };
    }
    let mut console = Console {
        guests: Collector::new(session::guests(&built.system)),
        port,
        attached,
    };
    molt_qemu::run(&machine, &mut console)?;
    if let Some(silence) = console
        .guests
        .silence()
        .filter(|_| !console.guests.is_empty())
    {
        complain!("molt: {silence}");
    }
    Ok(())
}

/// Shows every line, until all guests are at their ends.
struct Console {
    guests: Collector,
    port: Option<Port>,
    attached: Option<Attached>,
}

impl Observer for Console {
    fn line(&mut self, _: Duration, line: &str) -> Step {
        match &mut self.attached {
            Some(attached) => attached.line(line),
            None => say!("{line}"),
        }
        if let Some(port) = &mut self.port {
            port.say(line);
        }
        self.guests.line(line);
        match self.guests.all_over() {
            true => Step::Stop,
            false => self.step(),
        }
    }

    fn quiet(&mut self, _: Duration) -> Step {
        self.step()
    }

    fn printed(&mut self, bytes: &[u8]) {
        if let Some(attached) = &mut self.attached {
            attached.show(bytes);
        }
    }

    fn types(&self) -> bool {
        self.port.is_some() || self.attached.is_some()
    }

    fn typed(&mut self) -> Option<Vec<u8>> {
        let command = self.port.as_mut().and_then(Port::typed);
        match &mut self.attached {
            Some(attached) => attached.typed(command),
            None => command.map(|line| format!("{line}\n").into_bytes()),
        }
    }
}

impl Console {
    fn step(&self) -> Step {
        match &self.attached {
            Some(attached) if attached.left() => Step::Stop,
            _ => Step::Continue,
        }
    }
}
