// SPDX-License-Identifier: BSD-2-Clause
//! The initramfs: busybox, the modules of the guest's devices, our programs, bundles.

use std::fs;
use std::io;
use std::path::Path;

use crate::archive::Archive;
use crate::error::Error;
use crate::packages::Packages;

/// The module of the transport of all virtual devices. Modules that a kernel has built in are not loaded.
const TRANSPORT: &str = "virtio_mmio";
/// Loaded where the kernel has it: ext4 names its checksum by algorithm, which is no dependency that a module states.
const CHECKSUM: &str = "crc32c_generic";

/// Stands among the classes for a guest with ports (`<doorbell port="true">`).
pub const PORTS: &str = "ports";

/// Modules for a device of this class (`<replaceable class=…>`).
fn of_class(class: &str) -> &'static [&'static str] {
    match class {
        // A disk holds a file system of ours.
        "block" => &["virtio_blk", "ext4"],
        "entropy" => &["virtio_rng"],
        "network" => &["virtio_net"],
        // A controller's sensors are behind a port. Ports of the VMM's own are of no class of a driver.
        "sensor" | PORTS => &["virtio_console"],
        _ => &[],
    }
}

const INIT: &[u8] = include_bytes!("init");
/// What `init` has as a fleet's server.
const FLEET_SERVER: &[u8] = include_bytes!("fleet-server");
/// In place of `init` where the time to a login shell is measured.
const LOGIN: &[u8] = include_bytes!("login-on-hvc0");

/// Makes it for a guest with devices of these classes. Programs go to `/bin` under the names of their files; bundles are rung
/// for in the order of their names.
pub fn initramfs(
    packages: &Packages,
    classes: &[&str],
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
    let own = classes.iter().flat_map(|class| of_class(class)).copied();
    let wanted: Vec<&str> = (checksum.into_iter())
        .chain([TRANSPORT])
        .chain(own)
        .collect();
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
    archive.program("bin/fleet-server", FLEET_SERVER)?;
    archive.program("bin/login-on-hvc0", LOGIN)?;
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
