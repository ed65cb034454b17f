// SPDX-License-Identifier: BSD-2-Clause
//! Builds the boot image from a checked description and its program images.
//!
//! [`build`] reads the description, lays out every address space and CSpace (`domain`, `machine`, `update`, `stage`, …,
//! all through one [`builder::Builder`]), packs the tables behind `monitor`'s program image (`root`) and puts loader,
//! kernel and root task together (`payload`). Nothing depends on time, place or order of files: one input gives one image.
#![forbid(unsafe_code)]

mod blob;
mod boot;
mod briefs;
mod builder;
mod channels;
mod configuration;
mod domain;
mod driver;
mod elf;
mod error;
mod examine;
mod files;
mod flash;
mod guest;
mod io;
mod kept;
mod kernel;
mod layout;
mod limits;
mod machine;
mod module;
mod pack;
mod pages;
mod payload;
mod plan;
mod root;
mod schedule;
mod sizes;
mod space;
mod stage;
mod trust;
mod update;

pub use driver::{Brings, bundle, bundle_of_several, named};
pub use elf::arch_of;
pub use error::Error;
pub use examine::{Examined, Fault, examine};
pub use kernel::KernelSource;
pub use trust::would_run;

use configuration::Configuration;
use molt_board::{Board, Kind, Uart};
use molt_sdf::System;
use molt_sdk::Arch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to build, and of what.
#[derive(Clone, Debug)]
pub struct Options {
    /// The system description.
    pub system: PathBuf,
    /// Where program images, guests' files and prefill files are looked for, after the description's own directory.
    pub elfs: Vec<PathBuf>,
    /// The kernel.
    pub kernel: KernelSource,
    /// The board.
    pub board: Board,
    /// The loader's ELF, where an image has one ([`has_loader`]).
    pub loader: Option<PathBuf>,
    /// `monitor`'s ELF; `None`: `molt-monitor` or `monitor.elf` in `elfs`.
    pub monitor: Option<PathBuf>,
    /// Where the image goes.
    pub out: PathBuf,
}

/// What was built.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Bytes of the image.
    pub image_size: u64,
    /// Kernel objects that `monitor` makes.
    pub objects: usize,
    /// Bytes of memory that they take.
    pub memory: u64,
    /// The same by part of the system (regions and protection domains by their names), and the memory that the kernel and
    /// `monitor` take before.
    pub parts: BTreeMap<String, u64>,
    /// What deserves attention but is no error.
    pub warnings: Vec<String>,
}

/// Checks a description, without its program images, against what a kernel and its board allow.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(system: &System, kernel: &KernelSource) -> Result<Report, Error> {
    limits::check(system, &Configuration::of(kernel)?)?;
    Ok(Report {
        warnings: plan::warnings(system),
        ..Report::default()
    })
}

/// Builds an image.
///
/// # Errors
/// An error in the description or a program image, or an image that the loader would refuse.
pub fn build(options: &Options) -> Result<Report, Error> {
    let configuration = Configuration::of(&options.kernel)?;
    let arch = configuration.arch();
    let system = molt_sdf::load_for(arch, &options.system, &options.elfs)?;
    let files = files::Files::new(&options.system, &options.elfs);
    let packed = plan::plan(&system, &files, &configuration, options.board.uart)?;
    let monitor = match &options.monitor {
        Some(path) => path.clone(),
        None => files.find_program(&["molt-monitor", "monitor.elf"])?,
    };
    let program = files::read(&monitor)?;
    let root = (configuration.check(&program))
        .and_then(|()| root::root_task(arch, &program, &packed.bytes))
        .map_err(|reason| Error::Program {
            path: monitor,
            reason,
        })?;
    let mut parts = packed.parts.clone();
    let image = match &options.loader {
        Some(loader) => {
            let kernel = kernel::Kernel::read(configuration)?;
            kept::check(&system, &kernel, &root)?;
            boot::rehearse(&system, &packed, &kernel, &root)?;
            parts.extend(kept::parts(&kernel, &root)?);
            payload::pack(
                &files::read(loader)?,
                loader,
                &kernel,
                &options.board,
                &root,
            )?
        }
        // The kernel learns from the machine what memory there is; `monitor` finds out at boot whether it is enough.
        None => module::pack(&root),
    };
    std::fs::write(&options.out, &image).map_err(|error| Error::File {
        path: options.out.clone(),
        error,
    })?;
    Ok(Report {
        image_size: image.len() as u64,
        objects: packed.objects,
        memory: packed.memory,
        parts,
        warnings: plan::warnings(&system),
    })
}

/// Whether an image for this architecture has our loader; otherwise it is the root task alone, a module beside the kernel
/// for the machine's own multiboot loader.
#[must_use]
pub fn has_loader(arch: Arch) -> bool {
    arch == Arch::Aarch64
}

/// The console of the embedded kernel's board.
const EMBEDDED_UART: Uart = Uart {
    kind: Kind::Pl011,
    address: 0x900_0000,
};

/// Lays out a system without packing an image: the tables that `monitor` walks ([`molt_system::boot`]).
///
/// # Errors
/// As [`build`], but for what kernel's and loader's programs have to be: of the kernel only its tables are read.
pub fn lay_out(system: &Path, search: &[PathBuf], kernel: &KernelSource) -> Result<Vec<u8>, Error> {
    let configuration = Configuration::of(kernel)?;
    let description = molt_sdf::load_for(configuration.arch(), system, search)?;
    let files = files::Files::new(system, search);
    Ok(plan::plan(&description, &files, &configuration, EMBEDDED_UART)?.bytes)
}

/// Packs any root task's ELF instead of `monitor` and a system: for tests of the kernel.
///
/// # Errors
/// When a file is missing or not what it should be.
pub fn pack(
    kernel: &KernelSource,
    board: &Board,
    loader: Option<&Path>,
    root_task: &Path,
    out: &Path,
) -> Result<(), Error> {
    let configuration = Configuration::of(kernel)?;
    let program = files::read(root_task)?;
    let root = (configuration.check(&program))
        .and_then(|()| root::bare(configuration.arch(), &program))
        .map_err(|reason| Error::Program {
            path: root_task.to_owned(),
            reason,
        })?;
    let image = match loader {
        Some(loader) => {
            let kernel = kernel::Kernel::read(configuration)?;
            payload::pack(&files::read(loader)?, loader, &kernel, board, &root)?
        }
        None => module::pack(&root),
    };
    std::fs::write(out, image).map_err(|error| Error::File {
        path: out.to_owned(),
        error,
    })
}
