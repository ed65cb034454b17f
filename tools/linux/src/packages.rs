// SPDX-License-Identifier: BSD-2-Clause
//! Debian's packages for arm64, unpacked: a kernel, its modules, busybox.
//!
//! Up to Linux 6.12 one package has the kernel (`boot/vmlinuz-RELEASE`) and its modules. From 7.2 on
//! `linux-image-RELEASE` is empty and depends on `linux-binary-RELEASE` (`usr/lib/modules/RELEASE/vmlinuz`),
//! `linux-modules-RELEASE` and `linux-base-RELEASE` (`modules.builtin`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{self, Apt, Programs};
use crate::error::Error;
use crate::modules::Modules;

/// Depends on the newest small kernel that Debian has for this release.
const KERNEL_PACKAGE: &str = "linux-image-cloud-arm64";
const BUSYBOX_PACKAGE: &str = "busybox-static";

/// The unpacked packages.
#[derive(Clone, Debug)]
pub struct Packages {
    tree: PathBuf,
    release: String,
    /// `lib/modules/RELEASE`
    modules: PathBuf,
}

impl Packages {
    /// The packages below `directory`; they are fetched first if they are not there yet.
    pub fn obtain(directory: &Path) -> Result<Self, Error> {
        Self::obtain_with(directory, apt::INSTALLED)
            .map_err(|error| Error::Packages(Box::new(error)))
    }

    fn obtain_with(directory: &Path, programs: Programs) -> Result<Self, Error> {
        let tree = directory.join("tree");
        let stamp = directory.join("kernel-package");
        if !stamp.exists() {
            let apt = Apt::start(directory, programs)?;
            let kernel = (apt.depends(KERNEL_PACKAGE)?.into_iter())
                .find(|name| name.starts_with("linux-image-"))
                .ok_or_else(|| Error::Missing {
                    package: KERNEL_PACKAGE.into(),
                    what: "dependency on a kernel".into(),
                })?;
            let parts = apt.depends(&kernel)?;
            let mut names = vec![kernel.as_str(), BUSYBOX_PACKAGE];
            // `linux-base` without a release is scripts for the installation.
            let part = |name: &&str| {
                let kinds = ["linux-binary-", "linux-modules-", "linux-base-"];
                kinds.iter().any(|kind| name.starts_with(kind))
            };
            names.extend(parts.iter().map(String::as_str).filter(part));
            apt.download(&names)?;
            unpack(directory, &tree)?;
            // Last: a set-up that was cut off is done again.
            fs::write(&stamp, &kernel).map_err(Error::file(stamp))?;
        }
        Self::in_tree(tree)
    }

    /// Those of the user's own: all packages of `folder`, unpacked anew below `directory`.
    pub fn of_folder(folder: &Path, directory: &Path) -> Result<Self, Error> {
        let tree = directory.join("tree");
        if tree.exists() {
            fs::remove_dir_all(&tree).map_err(Error::file(&tree))?;
        }
        if unpack(folder, &tree)? == 0 {
            return Err(Error::Missing {
                package: folder.display().to_string(),
                what: "Debian package (*.deb)".into(),
            });
        }
        Self::in_tree(tree)
    }

    /// The packages that are unpacked there.
    fn in_tree(tree: PathBuf) -> Result<Self, Error> {
        let folders = ["usr/lib/modules", "lib/modules"];
        let all = (folders.iter())
            .filter_map(|folder| fs::read_dir(tree.join(folder)).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()));
        let all: Vec<PathBuf> = all.filter(|path| path.join("kernel").is_dir()).collect();
        let [modules] = all.as_slice() else {
            return Err(Error::Kernels {
                tree,
                count: all.len(),
            });
        };
        let release = modules.file_name().unwrap_or_default();
        Ok(Self {
            release: release.to_string_lossy().into_owned(),
            modules: modules.clone(),
            tree,
        })
    }

    /// The kernel's release, as `uname -r` prints it.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The kernel's boot image, as the package has it.
    pub fn kernel(&self) -> Result<PathBuf, Error> {
        let boot = format!("boot/vmlinuz-{}", self.release);
        let newer = format!("usr/lib/modules/{}/vmlinuz", self.release);
        self.first(&[&boot, &newer], "kernel")
    }

    /// busybox, static.
    pub fn busybox(&self) -> Result<PathBuf, Error> {
        self.first(&["bin/busybox", "usr/bin/busybox"], "busybox")
    }

    /// The kernel's modules.
    pub fn modules(&self) -> Result<Modules, Error> {
        Modules::below(&self.modules)
    }

    fn first(&self, names: &[&str], what: &str) -> Result<PathBuf, Error> {
        let mut paths = names.iter().map(|name| self.tree.join(name));
        let found = paths.find(|path| path.is_file());
        found.ok_or_else(|| Error::Missing {
            package: format!("for Linux {}", self.release),
            what: format!("{what} ({})", names.join(" or ")),
        })
    }
}

/// Unpacks every package of a folder into `tree`; returns how many there were.
fn unpack(folder: &Path, tree: &Path) -> Result<usize, Error> {
    fs::create_dir_all(tree).map_err(Error::file(tree))?;
    let mut count = 0;
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(&path).arg(tree);
            run(unpack, "dpkg-deb", "dpkg")?;
            count += 1;
        }
    }
    Ok(count)
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn run(
    mut command: Command,
    program: &'static str,
    package: &'static str,
) -> Result<Vec<u8>, Error> {
    // Some are read, and all are shown beside our own words.
    command.env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs that end without having found anything, as apt's do without a network.
    #[test]
    fn without_packages_it_says_what_is_wanted_and_what_works() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs {
            get: "true",
            cache: "false",
        };
        let error = Packages::obtain_with(folder.path(), programs).unwrap_err();
        let text = Error::Packages(Box::new(error)).to_string();
        for said in [
            "the Linux guest needs",
            "linux-image-cloud-arm64",
            "busybox-static",
            "network",
            "false failed",
            "--guest bare",
        ] {
            assert!(text.contains(said), "'{said}' is not in: {text}");
        }
        assert!(
            !folder.path().join("kernel-package").exists(),
            "it will be done again"
        );
    }
}
