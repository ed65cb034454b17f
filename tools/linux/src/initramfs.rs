// SPDX-License-Identifier: BSD-2-Clause
//! The initramfs: busybox, the modules of a virtio disk, our program, bundles.

use std::fs;
use std::io;
use std::path::Path;

use crate::archive::Archive;
use crate::error::Error;
use crate::packages::Packages;

/// What a virtio disk on virtio-mmio needs.
const MODULES: [&str; 4] = ["virtio", "virtio_ring", "virtio_mmio", "virtio_blk"];

const INIT: &[u8] = include_bytes!("init");

/// Makes it. Bundles are rung for in the order of their names.
pub fn initramfs(
    packages: &Packages,
    agent: &Path,
    bundles: &[(String, Vec<u8>)],
) -> Result<Vec<u8>, Error> {
    let read = |path: &Path| fs::read(path).map_err(Error::file(path));
    let busybox = read(&packages.busybox())?;
    let agent = read(agent)?;
    let modules = MODULES
        .iter()
        .map(|name| Ok((*name, packages.module(name)?.bytes()?)))
        .collect::<Result<Vec<_>, Error>>()?;
    pack(&busybox, &agent, &modules, bundles).map_err(Error::file("initramfs"))
}

fn pack(
    busybox: &[u8],
    agent: &[u8],
    modules: &[(&str, Vec<u8>)],
    bundles: &[(String, Vec<u8>)],
) -> io::Result<Vec<u8>> {
    let mut archive = Archive::new();
    for name in ["bin", "bundles", "dev", "mnt", "modules", "proc", "sys"] {
        archive.directory(name)?;
    }
    archive.character_device("dev/console", 5, 1)?;
    archive.program("init", INIT)?;
    archive.program("bin/busybox", busybox)?;
    archive.program("bin/molt-linux-agent", agent)?;
    for (name, content) in modules {
        archive.file(&format!("modules/{name}.ko"), content)?;
    }
    for (name, content) in bundles {
        archive.file(&format!("bundles/{name}"), content)?;
    }
    archive.finish()
}
