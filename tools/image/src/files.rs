// SPDX-License-Identifier: BSD-2-Clause
//! Finding and reading files.

use crate::Error;
use molt_sdf::model::{At, System};
use molt_sdf::{Error as SdfError, Rule};
use std::path::{Path, PathBuf};

/// The directories that are searched: the description's own first.
pub struct Files {
    directories: Vec<PathBuf>,
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::File {
        path: path.to_owned(),
        error,
    })
}

impl Files {
    pub fn new(description: &Path, directories: &[PathBuf]) -> Self {
        let own = description.parent().unwrap_or(Path::new("")).to_owned();
        Files {
            directories: std::iter::once(own)
                .chain(directories.iter().cloned())
                .collect(),
        }
    }

    /// The file of this name; without its ending `.elf` too, as Cargo leaves programs.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let names = [Some(name), name.strip_suffix(".elf")];
        let all = names
            .into_iter()
            .flatten()
            .flat_map(|n| self.directories.iter().map(move |d| d.join(n)));
        all.into_iter().find(|path| path.is_file())
    }

    /// A key's file that the description names.
    pub fn key(&self, system: &System, name: &At<String>) -> Result<(PathBuf, Vec<u8>), Error> {
        self.of(system, name, Rule::KeyMissing)
    }

    /// A file that the description names.
    pub fn named(&self, system: &System, name: &At<String>) -> Result<(PathBuf, Vec<u8>), Error> {
        self.of(system, name, Rule::ImageMissing)
    }

    fn of(
        &self,
        system: &System,
        name: &At<String>,
        rule: fn(String) -> Rule,
    ) -> Result<(PathBuf, Vec<u8>), Error> {
        let missing = || SdfError::broken(&system.source, &name.span, rule(name.value.clone()));
        let path = self.find(&name.value).ok_or_else(missing)?;
        let bytes = read(&path)?;
        Ok((path, bytes))
    }

    /// A program of the project itself.
    pub fn find_program(&self, names: &[&'static str]) -> Result<PathBuf, Error> {
        let found = names.iter().find_map(|name| self.find(name));
        let searched = || {
            self.directories
                .iter()
                .map(|d| d.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        found.ok_or_else(|| Error::Missing(names.first().copied().unwrap_or_default(), searched()))
    }
}
