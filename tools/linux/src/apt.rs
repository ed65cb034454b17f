// SPDX-License-Identifier: BSD-2-Clause
//! apt with lists, cache and state of its own, for arm64.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::packages::run;

/// The programs of apt.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    /// Fetches.
    pub get: &'static str,
    /// Looks up.
    pub cache: &'static str,
}

/// Those that are installed.
pub const INSTALLED: Programs = Programs {
    get: "apt-get",
    cache: "apt-cache",
};

/// apt, working in one folder.
pub struct Apt<'a> {
    directory: &'a Path,
    programs: Programs,
}

impl<'a> Apt<'a> {
    /// Makes the folders that apt wants, and fetches the lists of the machine's own sources.
    pub fn start(directory: &'a Path, programs: Programs) -> Result<Self, Error> {
        for part in ["state/lists/partial", "cache/archives/partial"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).map_err(Error::file(path))?;
        }
        let status = directory.join("state/status");
        fs::write(&status, "").map_err(Error::file(status))?;
        let apt = Self {
            directory,
            programs,
        };
        // It succeeds even if a list could not be fetched; then the next steps fail.
        apt.run(apt.programs.get, &["update"])?;
        Ok(apt)
    }

    /// The packages on which this one depends directly.
    pub fn depends(&self, package: &str) -> Result<Vec<String>, Error> {
        let text = self.run(self.programs.cache, &["depends", package])?;
        let names = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "));
        Ok(names.map(str::to_owned).collect())
    }

    /// Fetches packages into the folder.
    pub fn download(&self, packages: &[&str]) -> Result<(), Error> {
        let arguments = [&["download"], packages].concat();
        self.run(self.programs.get, &arguments).map(drop)
    }

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
