// SPDX-License-Identifier: BSD-2-Clause
//! Makes what a scenario's run needs: programs, boot images, bundles, disk, image.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use molt_board::Board;
use molt_image::Report;
use molt_linux::{Filesystem, Packages};
use molt_qemu::{Disk, Machine};
use molt_sdf::System;
use molt_sdf::model::{Client, Guest, GuestKind, MemoryRegion, ProtectionDomain};

use crate::bundles;
use crate::demo_keys;
use crate::flash;
use crate::kernel::Kernel;
use crate::line;
use crate::output::complain;
use crate::progress::Step;
use crate::scenario::{DiskKind, Scenario};
use crate::toolchain::{Target, Toolchain};

/// Sector size of virtio's block device (virtio 1.2, 5.2).
const SECTOR: u64 = 512;
/// The root task.
const MONITOR: &str = "molt-monitor";
/// What boots either kernel.
const LOADER: &str = "molt-loader";
/// The programs in the Linux guest, each with its package: the one that updates its drivers, the two for the demo's load on disk
/// and network, the one for `molt bench`, one that breaks the doorbell's protocol, and one that watches the clock.
const LINUX_PROGRAMS: [(&str, &str); 6] = [
    ("molt-guest-program", "molt-guest"),
    ("molt-linux-agent", "molt-linux-agent"),
    ("molt-linux-net", "molt-linux-net"),
    ("molt-linux-load", "molt-linux-load"),
    ("molt-linux-silly", "molt-linux-silly"),
    ("molt-linux-clock", "molt-linux-clock"),
];
/// The file in a native client's archive that holds its key's seed.
const SEED: &str = "seed";

/// Everything that a run needs.
pub struct Workspace {
    /// The checked description.
    pub system: System,
    /// What is in its image.
    pub report: Report,
    /// The machine, without a limit.
    pub machine: Machine,
    /// The Linux guests' file systems on the disk.
    pub filesystems: Vec<Filesystem>,
    /// Where all this is.
    pub directory: PathBuf,
    /// Held while the folder is in use: a second run of the same scenario would write over this one's disk.
    _lock: File,
}

impl Workspace {
    /// Builds a scenario.
    pub fn prepare(
        toolchain: &Toolchain,
        scenario: &mut Scenario,
        name: &str,
        kernel: &Kernel,
    ) -> Result<Self> {
        let directory = toolchain.root().join("target/molt").join(match kernel {
            Kernel::Embedded => name.to_owned(),
            Kernel::Sdk(_) => format!("{name}-{}", kernel.label()),
        });
        let lock = lock(&directory)?;
        // Versions of one program are built in one place, one after the other.
        let _building = building(toolchain)?;
        let step = Step::start(format!("building '{name}' for {}", kernel.label()));
        scenario.edit(&directory)?;
        let scenario = &*scenario;
        let system = Builder {
            toolchain,
            scenario,
            kernel,
            directory: &directory,
            search: &[],
            make_keys: true,
        }
        .inputs()?;
        let (image, report) = build_image(toolchain, kernel, &scenario.system, &directory, &[])?;
        let filesystems = filesystems(&system);
        let board = kernel.board_file(toolchain)?;
        let mut machine = machine(kernel, &board, &system, image);
        machine.disk = make_disk(scenario.disk, &board, &system, &filesystems, &directory)?;
        machine.devices.extend(scenario.qemu.iter().cloned());
        machine.flash = flash::make(&board, &system, &directory)?;
        let controller = scenario.controller.clone().unwrap_or_default();
        machine.controller = line::make(toolchain, &machine, &controller, &directory)?;
        step.done();
        Ok(Self {
            system,
            machine,
            report,
            filesystems,
            directory,
            _lock: lock,
        })
    }

    /// Checks the Linux guests' file systems after the run.
    pub fn check_filesystems(&self) -> Result<()> {
        let (Disk::File(disk) | Disk::Throttled { file: disk, .. }) = &self.machine.disk else {
            return Ok(());
        };
        for place in &self.filesystems {
            molt_linux::check(disk, *place, &self.directory.join("scratch"))?;
        }
        Ok(())
    }
}

/// The machine for a system: the board with the devices that the system has, but for the disk.
pub fn machine(kernel: &Kernel, board: &Board, system: &System, image: PathBuf) -> Machine {
    let mut machine = kernel.machine(board, image);
    machine.devices = board.device_arguments(places(system));
    if !system.io_spaces.is_empty() {
        // Before all devices, which it is to stand in front of.
        machine.board.arguments.extend(board.qemu.iommu.clone());
    }
    machine
}

/// Where the system has devices, by its own names for them.
pub fn places(system: &System) -> impl Iterator<Item = (&str, u64)> {
    system.regions.iter().filter_map(place)
}

/// The region's name and where it is, if it is at a fixed address.
pub fn place(region: &MemoryRegion) -> Option<(&str, u64)> {
    Some((region.name.as_str(), region.phys_addr?))
}

/// Threads of this process that build.
static BUILDING: Mutex<()> = Mutex::new(());

/// Held while something is built, by this process or another one.
pub struct Building {
    _file: File,
    _thread: MutexGuard<'static, ()>,
}

/// Waits until no other thread or process builds.
pub fn building(toolchain: &Toolchain) -> Result<Building> {
    // A thread that panicked has left nothing that the next one could not build anew.
    let thread = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Building {
        _file: lock(&toolchain.root().join("target/molt"))?,
        _thread: thread,
    })
}

/// Locks a folder against other processes and threads until the result is dropped, and prints a message if it has to wait. The
/// lock is released when the process ends, in whatever way.
pub fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| format!("{}", path.display()))?;
    let held = |error| match error {
        TryLockError::WouldBlock => {
            complain!(
                "molt: waiting for another run, which works in {}",
                folder.display()
            );
            lock.lock()
        }
        TryLockError::Error(error) => Err(error),
    };
    lock.try_lock()
        .or_else(held)
        .with_context(|| format!("{}: cannot be locked", folder.display()))?;
    Ok(lock)
}

/// The program of the loader, where an image for the kernel has one.
pub fn loader(toolchain: &Toolchain, kernel: &Kernel) -> Result<Option<PathBuf>> {
    if !molt_image::has_loader(kernel.arch()) {
        return Ok(None);
    }
    let folder = toolchain.build(&[LOADER], Target::Bare, &[], None)?;
    Ok(Some(folder.join(LOADER)))
}

/// Builds the image from the files in the folder.
pub fn build_image(
    toolchain: &Toolchain,
    kernel: &Kernel,
    system: &Path,
    directory: &Path,
    search: &[PathBuf],
) -> Result<(PathBuf, Report)> {
    let monitor = toolchain
        .build(&[MONITOR], Target::Domain, &[], kernel.programs_for()?)?
        .join(MONITOR);
    let loader = loader(toolchain, kernel)?;
    let out = directory.join("molt.img");
    let report = molt_image::build(&molt_image::Options {
        system: system.to_owned(),
        elfs: [&[directory.to_owned()], search].concat(),
        kernel: kernel.source(toolchain)?,
        board: kernel.board_file(toolchain)?,
        loader,
        monitor: Some(monitor),
        out: out.clone(),
    })?;
    for warning in &report.warnings {
        complain!("molt: {warning}");
    }
    Ok((out, report))
}

/// Makes a scenario's inputs.
pub struct Builder<'a> {
    /// What builds.
    pub toolchain: &'a Toolchain,
    /// For what.
    pub scenario: &'a Scenario,
    /// For which kernel.
    pub kernel: &'a Kernel,
    /// Where to.
    pub directory: &'a Path,
    /// Further folders with files of the description.
    pub search: &'a [PathBuf],
    /// Whether keys that the description names and that are not found are made, for trying out.
    pub make_keys: bool,
}

impl Builder<'_> {
    /// Programs, bundles and boot images; returns the checked description.
    pub fn inputs(&self) -> Result<System> {
        let search = [&[self.directory.to_owned()], self.search].concat();
        let load = || molt_sdf::load_for(self.kernel.arch(), &self.scenario.system, &search);
        self.placeholders()?;
        let system = load()?;
        self.programs(&system)?;
        self.firmware(&system)?;
        if self.make_keys {
            self.keys(&system)?;
        }
        let mut prefilled = false;
        for domain in &system.domains {
            match domain
                .machine
                .as_ref()
                .and_then(|m| Some((m, m.guest.as_ref()?)))
            {
                Some((machine, guest)) => self.guest(&system, &machine.name, guest)?,
                None if domain.doorbell.is_some() => {
                    prefilled = true;
                    let bundles = self.bundles(&system, &domain.name)?;
                    let seed = self.seed(&system, &domain.name)?;
                    let archive = bundles::archive(&[seed, bundles].concat())?;
                    self.write(&native_bundles(&domain.name), &archive)?;
                }
                None => {}
            }
        }
        // A prefilled region's contents belong to the description.
        Ok(if prefilled { load()? } else { system })
    }

    /// The scenario's own files. And bundles depend on the description, which names the file of a native client's bundles.
    fn placeholders(&self) -> Result<()> {
        for (name, text) in &self.scenario.files {
            self.write(name, text.as_bytes())?;
        }
        let guests: BTreeSet<&str> = (self.scenario.bundles.iter())
            .map(|b| b.guest.as_str())
            .collect();
        for guest in guests {
            let path = self.directory.join(native_bundles(guest));
            if !path.exists() {
                fs::write(&path, [0]).with_context(|| format!("{}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Makes public keys for trying out, if the description's own are not found.
    fn keys(&self, system: &System) -> Result<()> {
        let components = system.domains.iter().filter_map(|d| d.replaceable.as_ref());
        for trust in components.flat_map(|replaceable| &replaceable.trust) {
            let name = &trust.key.value;
            if !self.is_there(name) {
                let key = demo_keys::private(self.toolchain.root(), name)?;
                self.write(name, &molt_envelope::write_public(&key.public(), false))?;
            }
        }
        Ok(())
    }

    /// The seed of the key with which a native client signs, if the scenario says so.
    fn seed(&self, system: &System, guest: &str) -> Result<Vec<(String, Vec<u8>)>> {
        if self.scenario.signer.as_deref() != Some(guest) {
            return Ok(Vec::new());
        }
        Ok(vec![(
            SEED.to_owned(),
            self.maker(system)?.seed()?.to_vec(),
        )])
    }

    fn programs(&self, system: &System) -> Result<()> {
        let mut packages: BTreeSet<&str> = BTreeSet::new();
        for domain in &system.domains {
            if !self.is_there(&domain.image.value) {
                packages.insert(package(domain));
            }
        }
        // A program that is no package of the checkout either is reported when the image is built, at its place in the description.
        packages.retain(|package| self.toolchain.has(package));
        for package in packages {
            let features = self.features(package);
            let folder = self.toolchain.build(
                &[package],
                Target::Domain,
                features,
                self.kernel.programs_for()?,
            )?;
            self.copy(&folder.join(package), &format!("{package}.elf"))?;
        }
        Ok(())
    }

    /// What the devices run that come with their drivers.
    fn firmware(&self, system: &System) -> Result<()> {
        for domain in &system.domains {
            let described = domain.replaceable.as_ref();
            if let Some(described) = described.and_then(|r| r.firmware.as_ref())
                && !self.is_there(&described.image.value)
                && let Some(image) = line::firmware(self.toolchain, domain, None)?
            {
                self.write(&described.image.value, &image)?;
            }
        }
        Ok(())
    }

    /// Whether a file exists already in the description's folder or a search path.
    fn is_there(&self, image: &str) -> bool {
        let own = self.scenario.system.parent().unwrap_or(Path::new(""));
        let folders = std::iter::once(own).chain(self.search.iter().map(PathBuf::as_path));
        // Files in the working folder, which also has an edited description, were made for an earlier run.
        let mut folders = folders.filter(|folder| *folder != self.directory);
        folders.any(|folder| folder.join(image).is_file())
    }

    fn features(&self, package: &str) -> &[String] {
        self.scenario
            .features
            .get(package)
            .map_or(&[], Vec::as_slice)
    }

    fn bundles(&self, system: &System, guest: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.maker(system)?.of_guest(guest)
    }

    fn maker<'a>(&'a self, system: &'a System) -> Result<bundles::Maker<'a>> {
        Ok(bundles::Maker {
            toolchain: self.toolchain,
            scenario: self.scenario,
            system,
            arch: self.kernel.arch(),
            configuration: self.kernel.programs_for()?,
        })
    }

    fn guest(&self, system: &System, name: &str, guest: &Guest) -> Result<()> {
        let bundles = self.bundles(system, name)?;
        let kernel = &guest.kernel.value;
        let initrd = guest.initrd.as_ref().map(|file| &file.value);
        match guest.kind {
            GuestKind::Bare => {
                let package = kernel.strip_suffix(".elf").unwrap_or(kernel);
                let folder = self.toolchain.build(&[package], Target::Bare, &[], None)?;
                self.copy(&folder.join(package), kernel)?;
                if let Some(initrd) = initrd {
                    self.write(initrd, &bundles::archive(&bundles)?)?;
                }
            }
            GuestKind::Linux if self.is_own(guest, &bundles)? => {}
            GuestKind::Linux => {
                let packages = self.linux_packages()?;
                let ours = LINUX_PROGRAMS.map(|(package, _)| package);
                let folder = (self.toolchain).build(&ours, Target::Domain, &[], None)?;
                let programs = LINUX_PROGRAMS.map(|(_, program)| folder.join(program));
                let programs = programs.each_ref().map(PathBuf::as_path);
                self.copy(&packages.kernel()?, kernel)?;
                if let Some(initrd) = initrd {
                    let classes = classes(system, name);
                    let archive = molt_linux::initramfs(&packages, &classes, &programs, &bundles)?;
                    self.write(initrd, &archive)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a Linux guest's files exist already: then they are the user's own, and nothing is made for the guest.
    fn is_own(&self, guest: &Guest, bundles: &[(String, Vec<u8>)]) -> Result<bool> {
        let kernel = &guest.kernel.value;
        let initrd = guest.initrd.as_ref().map(|file| &file.value);
        let initrd_stands = initrd.is_none_or(|file| self.is_there(file));
        if !self.is_there(kernel) {
            if initrd.is_some_and(|file| self.is_there(file)) {
                bail!(
                    "the initramfs '{}' stands there and the kernel '{kernel}' does not: put it beside the \
                     description, or into a folder given with --search-path",
                    initrd.map_or("", String::as_str)
                );
            }
            return Ok(false);
        }
        if !initrd_stands {
            bail!(
                "the kernel '{kernel}' stands there and the initramfs '{}' does not: a kernel of one's own needs its \
                 own, with its modules in it; put it beside the kernel, or leave the attribute 'initrd' away",
                initrd.map_or("", String::as_str)
            );
        }
        if !bundles.is_empty() {
            bail!(
                "the scenario has bundles for the guest with the kernel '{kernel}', which boots an initramfs of its own"
            );
        }
        Ok(true)
    }

    /// The packages that Linux guests are made of.
    fn linux_packages(&self) -> Result<Packages> {
        let all = self.toolchain.root().join("target/molt");
        Ok(match &self.scenario.linux {
            Some(folder) => Packages::of_folder(folder, &all.join("linux-own"))?,
            None => Packages::obtain(&all.join("linux"))?,
        })
    }

    fn copy(&self, from: &Path, name: &str) -> Result<()> {
        fs::copy(from, self.directory.join(name))
            .with_context(|| format!("{}: cannot be copied", from.display()))?;
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, content).with_context(|| format!("{}: cannot be written", path.display()))
    }
}

/// A program image is named after its package.
fn package(domain: &ProtectionDomain) -> &str {
    let image = &domain.image.value;
    image.strip_suffix(".elf").unwrap_or(image)
}

/// The classes of the devices that the guest of this name has shares of, and [`molt_linux::PORTS`] if it has ports.
fn classes<'s>(system: &'s System, guest: &str) -> Vec<&'s str> {
    let is_guest = |domain: &ProtectionDomain| {
        (domain.machine.as_ref()).is_some_and(|machine| machine.name == guest)
    };
    let has = |domain: &&ProtectionDomain| {
        let mut clients = domain.clients.iter();
        clients.any(|client| is_guest(&system.domains[client.domain]))
    };
    let mut bells = (system.domains.iter().filter(|domain| is_guest(domain)))
        .filter_map(ProtectionDomain::any_doorbell);
    let ports = bells.any(|bell| bell.port).then_some(molt_linux::PORTS);
    (system.domains.iter().filter(has))
        .filter_map(|domain| Some(domain.replaceable.as_ref()?.class.as_str()))
        .chain(ports)
        .collect()
}

/// The file with which a native client's staging region is prefilled.
fn native_bundles(guest: &str) -> String {
    format!("{guest}.bundles")
}

/// The Linux guests' shares.
pub fn filesystems(system: &System) -> Vec<Filesystem> {
    let is_linux = |domain: &ProtectionDomain| {
        let guest = domain.machine.as_ref().and_then(|m| m.guest.as_ref());
        guest.is_some_and(|guest| guest.kind == GuestKind::Linux)
    };
    (system.domains.iter().flat_map(|domain| &domain.clients))
        .filter(|client| is_linux(&system.domains[client.domain]))
        .map(Client::sectors)
        .filter(|share| !share.is_empty())
        .map(|share| Filesystem {
            start: share.start * SECTOR,
            size: (share.end - share.start) * SECTOR,
        })
        .collect()
}

/// The bytes of the disk that a system's clients have shares of; 0: it has none.
pub fn disk_bytes(board: &Board, system: &System) -> u64 {
    let bytes = (system.domains.iter().flat_map(|domain| &domain.clients))
        .map(|client| client.sectors().end * SECTOR)
        .max()
        .unwrap_or(0);
    match board.qemu.disk.power_of_two && bytes > 0 {
        true => bytes.next_power_of_two(),
        false => bytes,
    }
}

/// Makes a disk's image with the file systems of the Linux guests; `scratch` is a file that may be overwritten.
pub fn make_image(
    file: &Path,
    bytes: u64,
    filesystems: &[Filesystem],
    scratch: &Path,
) -> Result<()> {
    File::create(file)
        .and_then(|disk| disk.set_len(bytes))
        .with_context(|| format!("{}: cannot be made", file.display()))?;
    for place in filesystems {
        molt_linux::format(file, *place, scratch)?;
    }
    Ok(())
}

fn make_disk(
    kind: Option<DiskKind>,
    board: &Board,
    system: &System,
    filesystems: &[Filesystem],
    directory: &Path,
) -> Result<Disk> {
    let Some(kind) = kind else {
        return Ok(Disk::None);
    };
    let bytes = disk_bytes(board, system);
    let file = directory.join("disk.img");
    if kind != DiskKind::Null {
        make_image(&file, bytes, filesystems, &directory.join("scratch"))?;
    }
    Ok(match kind {
        DiskKind::File => Disk::File(file),
        DiskKind::Throttled { iops } => Disk::Throttled { file, iops },
        DiskKind::Null => Disk::Null(bytes),
    })
}
