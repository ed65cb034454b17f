// SPDX-License-Identifier: BSD-2-Clause
//! A board: the configurations in which the SDK has a kernel for it.

use std::path::PathBuf;

use crate::{Configuration, Error, Sdk, folders};

/// Where an SDK has its boards.
pub const FOLDER: &str = "board";

/// A board.
#[derive(Clone, Debug)]
pub struct Board {
    sdk: Sdk,
    name: String,
}

impl Board {
    pub(crate) fn new(sdk: &Sdk, name: &str) -> Self {
        Self {
            sdk: sdk.clone(),
            name: name.to_owned(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SDK that it was found in.
    #[must_use]
    pub fn sdk(&self) -> &Sdk {
        &self.sdk
    }

    fn folder(&self) -> PathBuf {
        self.sdk.root().join(FOLDER).join(&self.name)
    }

    /// The names of its configurations.
    #[must_use]
    pub fn configurations(&self) -> Vec<String> {
        folders(&self.folder())
    }

    /// One of its configurations, read.
    ///
    /// # Errors
    /// When it has none of this name, a file is missing or damaged, or Molt cannot run on such a kernel.
    pub fn configuration(&self, name: &str) -> Result<Configuration, Error> {
        if self.configurations().iter().all(|other| other != name) {
            return Err(Error::NoConfiguration {
                sdk: self.sdk.root().to_owned(),
                board: self.name.clone(),
                configuration: name.to_owned(),
                configurations: self.configurations(),
            });
        }
        Configuration::read(self, name, self.folder().join(name))
    }
}
