// SPDX-License-Identifier: BSD-2-Clause
//! The initramfs: busybox, the modules of a virtio disk, our programs, bundles.

use std::fs;
use std::io;
use std::path::Path;

use crate::archive::Archive;
use crate::error::Error;
use crate::packages::Packages;

/// Modules for a virtio disk on virtio-mmio with an ext4. Modules that a kernel has built in are not loaded.
const MODULES: [&str; 3] = ["virtio_mmio", "virtio_blk", "ext4"];
/// Loaded where the kernel has it: ext4 names its checksum by algorithm, which is no dependency that a module states.
const CHECKSUM: &str = "crc32c_generic";

const INIT: &[u8] = include_bytes!("init");

/// Makes it. Programs go to `/bin` under the names of their files; bundles are rung for in the order of their names.
pub fn initramfs(
    packages: &Packages,
    programs: &[&Path],
    bundles: &[(String, Vec<u8>)],
) -> Result<Vec<u8>, Error> {
    let read = |path: &Path| fs::read(path).map_err(Error::file(path));
    let busybox = read(&packages.busybox()?)?;
    let programs = programs
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), read(path)?))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let modules = packages.modules()?;
    let checksum = modules.has(CHECKSUM).then_some(CHECKSUM);
    let wanted: Vec<&str> = checksum.into_iter().chain(MODULES).collect();
    let modules = modules.in_order(&wanted)?;
    pack(&busybox, &programs, &modules, bundles).map_err(Error::file("initramfs"))
}

fn pack(
    busybox: &[u8],
    programs: &[(String, Vec<u8>)],
    modules: &[(String, Vec<u8>)],
    bundles: &[(String, Vec<u8>)],
) -> io::Result<Vec<u8>> {
    let mut archive = Archive::new();
    for name in ["bin", "bundles", "dev", "mnt", "modules", "proc", "sys"] {
        archive.directory(name)?;
    }
    archive.character_device("dev/console", 5, 1)?;
    archive.program("init", INIT)?;
    archive.program("bin/busybox", busybox)?;
    for (name, content) in programs {
        archive.program(&format!("bin/{name}"), content)?;
    }
    // The order of the names is that in which they are loaded.
    for (n, (name, content)) in modules.iter().enumerate() {
        archive.file(&format!("modules/{n:02}-{name}.ko"), content)?;
    }
    for (name, content) in bundles {
        archive.file(&format!("bundles/{name}"), content)?;
    }
    archive.finish()
}
