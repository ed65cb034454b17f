// SPDX-License-Identifier: BSD-2-Clause
//! A kernel's modules: which there are, and in which order they are loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSection};

use crate::error::Error;
use crate::packages::run;

/// The modules of one kernel.
#[derive(Clone, Debug)]
pub struct Modules {
    files: BTreeMap<String, PathBuf>,
    /// Part of the kernel: nothing is loaded for them.
    builtin: BTreeSet<String>,
}

impl Modules {
    /// Those below `root`, `lib/modules/RELEASE` of a package.
    pub fn below(root: &Path) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(Error::file(&folder))? {
                let entry = entry.map_err(Error::file(&folder))?;
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if let Some(name) = name(&path) {
                    files.insert(name, path);
                }
            }
        }
        // One path a line. If the kernel has no such file, all its modules are files.
        let list = fs::read_to_string(root.join("modules.builtin")).unwrap_or_default();
        let builtin = list.lines().filter_map(|l| name(Path::new(l))).collect();
        Ok(Self { files, builtin })
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Names and contents of what must be loaded for `wanted`, each behind all that it depends on.
    pub fn in_order(&self, wanted: &[&str]) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for name in wanted {
            self.add(name, &mut seen, &mut order)?;
        }
        Ok(order)
    }

    fn add(
        &self,
        name: &str,
        seen: &mut BTreeSet<String>,
        order: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<(), Error> {
        if self.builtin.contains(name) || !seen.insert(name.to_owned()) {
            return Ok(());
        }
        let missing = || Error::Missing {
            package: "of the kernel's modules".into(),
            what: format!("module {name}"),
        };
        let content = read(self.files.get(name).ok_or_else(missing)?)?;
        for other in depends(&content) {
            self.add(&other, seen, order)?;
        }
        order.push((name.to_owned(), content));
        Ok(())
    }
}

/// A module's name, in which `-` and `_` are the same.
fn name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let (name, ending) = file.split_once(".ko")?;
    let known = matches!(ending, "" | ".xz" | ".zst" | ".gz");
    known.then(|| name.replace('-', "_"))
}

/// Reads a module: plain, or unpacked by the program that packed it.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let (program, package) = match path.extension().and_then(|e| e.to_str()) {
        Some("xz") => ("xz", "xz-utils"),
        Some("zst") => ("zstd", "zstd"),
        Some("gz") => ("gzip", "gzip"),
        _ => return fs::read(path).map_err(Error::file(path)),
    };
    let mut unpack = Command::new(program);
    unpack.args(["--decompress", "--stdout"]).arg(path);
    run(unpack, program, package)
}

/// The modules that this one names in its section `.modinfo`, entries of which are `key=value` and end with NUL.
fn depends(module: &[u8]) -> Vec<String> {
    let file = object::File::parse(module).ok();
    let section = file.as_ref().and_then(|f| f.section_by_name(".modinfo"));
    let info = section.and_then(|s| s.data().ok()).unwrap_or_default();
    let list = info.split(|byte| *byte == 0).find_map(|entry| {
        let entry = std::str::from_utf8(entry).ok()?;
        entry.strip_prefix("depends=")
    });
    (list.unwrap_or_default().split(','))
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}
