// SPDX-License-Identifier: BSD-2-Clause
//! The kernel configuration that programs have to be built for, and the memory that there is.

use crate::error::ElfError;
use crate::{Error, KernelSource};
use molt_sdk::{Platform, Tables};

/// What programs have to be built for.
pub struct Configuration {
    pub tables: Tables,
    pub digest: [u8; 32],
    /// The board's memory.
    pub platform: Platform,
    kernel: KernelSource,
}

impl Configuration {
    pub fn of(kernel: &KernelSource) -> Result<Self, Error> {
        let tables = kernel.tables()?;
        Ok(Self {
            digest: tables.digest(),
            tables,
            platform: kernel.platform()?,
            kernel: kernel.clone(),
        })
    }

    /// Refuses a program that says it was built for another configuration. What says nothing (a C program against the
    /// SDK's libmicrokit, say) is taken as it is: whoever built it has to know.
    pub fn check(&self, program: &[u8]) -> Result<(), ElfError> {
        match molt_bundle::configuration(program) {
            Some(digest) if digest != self.digest => Err(ElfError::Configuration {
                built_for: self.name(digest),
                kernel: self.kernel.name(),
            }),
            _ => Ok(()),
        }
    }

    /// The configuration with these tables, as a person knows it.
    fn name(&self, digest: [u8; 32]) -> String {
        if Tables::embedded().is_ok_and(|tables| tables.digest() == digest) {
            return KernelSource::Embedded("".into()).name();
        }
        let known = match &self.kernel {
            KernelSource::Sdk(configuration) => configuration.board().sdk().find(digest),
            KernelSource::Embedded(_) => None,
        };
        known.map_or_else(
            || {
                let [a, b, c, d, ..] = digest;
                format!("an unknown one (tables {a:02x}{b:02x}{c:02x}{d:02x}…)")
            },
            |configuration| KernelSource::Sdk(Box::new(configuration)).name(),
        )
    }
}
