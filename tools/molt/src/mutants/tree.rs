// SPDX-License-Identifier: BSD-2-Clause
//! The copy of the checkout in which mutants are made. What cargo builds there stays for the next run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::mutant::Mutant;

/// Below the checkout, where nothing is versioned.
const PLACE: &str = "target/mutants";
/// Folders that are not copied: build results, and the repository.
const LEFT_OUT: [&str; 2] = ["target", ".git"];

/// The copy.
pub struct Tree {
    original: PathBuf,
    copy: PathBuf,
}

impl Tree {
    /// Makes the copy, or brings it up to date: only what differs is written, so that cargo builds only that anew.
    pub fn of(original: &Path) -> Result<Self> {
        let tree = Self {
            original: original.to_owned(),
            copy: original.join(PLACE),
        };
        bring_up_to_date(&tree.original, &tree.copy)?;
        Ok(tree)
    }

    /// The copy's root.
    pub fn root(&self) -> &Path {
        &self.copy
    }

    /// Makes the mutant in the copy, runs `test`, and restores the copy.
    pub fn with<T>(&self, mutant: &Mutant, test: impl FnOnce() -> Result<T>) -> Result<T> {
        let files = mutant.edited(&self.original)?;
        for (path, text) in &files {
            write(&self.copy.join(path), text.as_bytes())?;
        }
        let result = test();
        for (path, _) in &files {
            let original = self.original.join(path);
            let text = fs::read(&original).with_context(|| format!("{}", original.display()))?;
            write(&self.copy.join(path), &text)?;
        }
        result
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Makes `copy` equal to `original`, but for [`LEFT_OUT`].
fn bring_up_to_date(original: &Path, copy: &Path) -> Result<()> {
    fs::create_dir_all(copy).with_context(|| format!("{}: cannot be made", copy.display()))?;
    for name in names(copy)? {
        let (from, to) = (original.join(&name), copy.join(&name));
        if to.is_dir() != from.is_dir() || !from.exists() {
            remove(&to).with_context(|| format!("{}: cannot be removed", to.display()))?;
        }
    }
    for name in names(original)? {
        let (from, to) = (original.join(&name), copy.join(&name));
        if from.is_dir() {
            bring_up_to_date(&from, &to)?;
        } else if fs::read(&to).ok() != Some(fs::read(&from)?) {
            fs::copy(&from, &to).with_context(|| format!("{}: cannot be written", to.display()))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// The names in a folder, but for [`LEFT_OUT`].
fn names(folder: &Path) -> Result<Vec<std::ffi::OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    Ok(names
        .filter(|name| LEFT_OUT.iter().all(|left_out| name != left_out))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_brought_up_to_date() {
        let folder = std::env::temp_dir().join(format!("molt-tree-{}", std::process::id()));
        let (original, copy) = (folder.join("original"), folder.join("copy"));
        let text = |path: &str| fs::read_to_string(copy.join(path)).ok();
        for path in ["a/b", "a/target", ".git"] {
            fs::create_dir_all(original.join(path)).unwrap();
        }
        for path in ["a/b/c", "a/target/x", "d"] {
            fs::write(original.join(path), path).unwrap();
        }
        bring_up_to_date(&original, &copy).unwrap();
        assert_eq!(text("a/b/c").as_deref(), Some("a/b/c"));
        assert_eq!(text("a/target/x"), None);
        // A folder becomes a file, a file goes, another changes; what was built in the copy stays.
        fs::create_dir_all(copy.join("target")).unwrap();
        fs::remove_dir_all(original.join("a/b")).unwrap();
        fs::write(original.join("a/b"), "now a file").unwrap();
        fs::remove_file(original.join("d")).unwrap();
        bring_up_to_date(&original, &copy).unwrap();
        assert_eq!(text("a/b").as_deref(), Some("now a file"));
        assert_eq!(text("d"), None);
        assert!(copy.join("target").is_dir());
        fs::remove_dir_all(folder).unwrap();
    }
}
