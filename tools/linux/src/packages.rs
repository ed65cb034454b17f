// SPDX-License-Identifier: BSD-2-Clause
//! Debian's packages for arm64, fetched and unpacked once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Depends on the newest small kernel that Debian has for this release.
const KERNEL_PACKAGE: &str = "linux-image-cloud-arm64";
const BUSYBOX_PACKAGE: &str = "busybox-static";

/// The unpacked packages.
#[derive(Clone, Debug)]
pub struct Packages {
    tree: PathBuf,
    kernel: String,
}

impl Packages {
    /// Those below `directory`, fetched first where they are not there yet.
    pub fn obtain(directory: &Path) -> Result<Self, Error> {
        let tree = directory.join("tree");
        let stamp = directory.join("kernel-package");
        if let Ok(kernel) = fs::read_to_string(&stamp) {
            return Ok(Self { tree, kernel });
        }
        for part in ["state/lists/partial", "cache/archives/partial", "tree"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).map_err(Error::file(path))?;
        }
        let status = directory.join("state/status");
        fs::write(&status, "").map_err(Error::file(status))?;
        let apt = Apt { directory };
        apt.run("apt-get", &["update"])?;
        let depends = apt.run("apt-cache", &["depends", KERNEL_PACKAGE])?;
        let kernel = depends
            .lines()
            .find_map(|line| line.trim().strip_prefix("Depends: linux-image-"))
            .map(|name| format!("linux-image-{name}"))
            .ok_or_else(|| Error::Missing {
                package: KERNEL_PACKAGE.into(),
                what: "dependency on a kernel".into(),
            })?;
        apt.run("apt-get", &["download", &kernel, BUSYBOX_PACKAGE])?;
        for entry in fs::read_dir(directory).map_err(Error::file(directory))? {
            let path = entry.map_err(Error::file(directory))?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                let mut unpack = Command::new("dpkg-deb");
                unpack.arg("--extract").arg(&path).arg(&tree);
                run(unpack, "dpkg-deb", "dpkg")?;
            }
        }
        // Last: a set-up that was cut off is done again.
        fs::write(&stamp, &kernel).map_err(Error::file(stamp))?;
        Ok(Self { tree, kernel })
    }

    fn release(&self) -> &str {
        self.kernel
            .strip_prefix("linux-image-")
            .unwrap_or(&self.kernel)
    }

    /// The kernel's boot image, as the package has it.
    pub fn kernel(&self) -> PathBuf {
        self.tree.join(format!("boot/vmlinuz-{}", self.release()))
    }

    /// busybox, static.
    pub fn busybox(&self) -> PathBuf {
        self.tree.join("bin/busybox")
    }

    /// The module of this name: plain, or packed with xz.
    pub fn module(&self, name: &str) -> Result<Module, Error> {
        let root = self.tree.join("lib/modules").join(self.release());
        let plain = format!("{name}.ko");
        let packed = format!("{name}.ko.xz");
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(Error::file(&folder))? {
                let path = entry.map_err(Error::file(&folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.ends_with(&plain) {
                    return Ok(Module::Plain(path));
                } else if path.ends_with(&packed) {
                    return Ok(Module::Packed(path));
                }
            }
        }
        Err(Error::Missing {
            package: self.kernel.clone(),
            what: format!("module {name}"),
        })
    }
}

/// A kernel module's file.
#[derive(Clone, Debug)]
pub enum Module {
    /// As it is loaded.
    Plain(PathBuf),
    /// With xz.
    Packed(PathBuf),
}

impl Module {
    /// What is loaded.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Plain(path) => fs::read(path).map_err(Error::file(path)),
            Self::Packed(path) => {
                let mut unpack = Command::new("xz");
                unpack.args(["--decompress", "--stdout"]).arg(path);
                run(unpack, "xz", "xz-utils")
            }
        }
    }
}

/// apt with lists, cache and state of its own, for arm64.
struct Apt<'a> {
    directory: &'a Path,
}

impl Apt<'_> {
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, Error> {
        let mut command = Command::new(program);
        let state = self.directory.join("state");
        let options = [
            format!("Dir::State={}", state.display()),
            format!("Dir::State::status={}", state.join("status").display()),
            format!("Dir::Cache={}", self.directory.join("cache").display()),
            "APT::Architecture=arm64".into(),
            "APT::Architectures=arm64".into(),
            "Acquire::Languages=none".into(),
            // It runs in a folder that apt's own user may not write.
            "APT::Sandbox::User=".into(),
        ];
        for option in options {
            command.args(["-o", &option]);
        }
        command.args(arguments).current_dir(self.directory);
        let output = run(command, program, "apt")?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn run(
    mut command: Command,
    program: &'static str,
    package: &'static str,
) -> Result<Vec<u8>, Error> {
    let output = command.output().map_err(|source| Error::Program {
        program,
        package,
        source,
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let mut complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    complaint.push_str(&String::from_utf8_lossy(&output.stdout));
    Err(Error::Failed {
        program,
        complaint: complaint.trim().to_owned(),
    })
}
