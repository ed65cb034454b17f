// SPDX-License-Identifier: BSD-2-Clause
//! The digest of the tables.

use std::fmt::Display;

use sha2::{Digest, Sha256};

use crate::{Setting, Tables};

impl Tables {
    /// SHA-256 of all tables: equal exactly where the tables are.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut row = |table: &str, key: &str, value: &dyn Display| {
            // Keys have no spaces and values no line ends.
            hash.update(format!("{table} {key} {value}\n"));
        };
        for (key, value) in &self.config {
            match value {
                Setting::Bool(value) => row("config", key, value),
                Setting::Text(value) => row("config", key, &format_args!("{value:?}")),
            }
        }
        for (key, value) in &self.labels {
            row("label", key, value);
        }
        for (key, value) in &self.sizes {
            row("size", key, value);
        }
        hash.finalize().into()
    }
}
