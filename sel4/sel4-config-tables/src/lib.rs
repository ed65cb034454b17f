// SPDX-License-Identifier: BSD-2-Clause
//! The tables of a kernel's configuration, for which programs are built.
//!
//! A Microkit SDK has them beside each of its kernels; those of the embedded kernel are in `config/`. Only those keys of
//! the configuration are kept that programs here depend on ([`Arch`]), so two kernels that agree in them run the same
//! programs; [`Tables::digest`] tells whether they agree.
#![forbid(unsafe_code)]

mod arch;
mod digest;
mod error;
mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use arch::Arch;
pub use error::Error;
pub use json::{object, parse};
use serde_json::{Map, Value};

/// The configuration's keys and values, below a configuration's folder.
pub const CONFIG: &str = "include/kernel/gen_config.json";
/// Invocation labels.
pub const LABELS: &str = "invocations_all.json";
/// log2 of the objects' bytes.
pub const SIZES: &str = "object_sizes.json";

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Keys of the configuration: `true` and `false`, or a text.
    pub config: BTreeMap<String, Setting>,
    /// Invocation labels by name.
    pub labels: BTreeMap<String, u64>,
    /// log2 of the bytes of each kind of object.
    pub sizes: BTreeMap<String, u64>,
}

/// A value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A switch.
    Bool(bool),
    /// A text; numbers are texts too.
    Text(String),
}

impl Tables {
    /// The embedded kernel's: the release configuration of `qemu_virt_aarch64`.
    ///
    /// # Errors
    /// Never with the files of this crate, which a test reads.
    pub fn embedded() -> Result<Self, Error> {
        let own = |name: &str, text| parse(Path::new(name), text);
        Ok(Self {
            config: settings(&own(CONFIG, include_str!("../config/gen_config.json"))?),
            labels: numbers(&own(
                LABELS,
                include_str!("../config/invocations_all.json"),
            )?),
            sizes: numbers(&own(SIZES, include_str!("../config/object_sizes.json"))?),
        })
    }

    /// Reads the tables in the folder of a Microkit SDK's board and configuration (`<SDK>/board/<board>/<configuration>`).
    ///
    /// # Errors
    /// When a file cannot be read or is not a JSON object, or when a table lacks a key that programs for its architecture need.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let (config, labels, sizes) =
            (folder.join(CONFIG), folder.join(LABELS), folder.join(SIZES));
        let settings = settings(&object(&config)?);
        let needed = Arch::of(&settings).needed()?;
        Ok(Self {
            config: only(&config, &needed.config, settings)?,
            // All labels are kept: a debug kernel has some that a release one does not have.
            labels: with(&labels, &needed.labels, numbers(&object(&labels)?))?,
            sizes: only(&sizes, &needed.sizes, numbers(&object(&sizes)?))?,
        })
    }
}

impl Tables {
    /// The architecture.
    #[must_use]
    pub fn arch(&self) -> Arch {
        Arch::of(&self.config)
    }

    /// Whether a switch of the configuration is on.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        self.config.get(key) == Some(&Setting::Bool(true))
    }

    /// The number that a text of the configuration is.
    ///
    /// # Errors
    /// When there is no such key, or it is no number.
    pub fn number(&self, key: &'static str) -> Result<u64, Error> {
        let text = match self.config.get(key) {
            Some(Setting::Text(text)) => text.parse().ok(),
            _ => None,
        };
        text.ok_or(Error::NoNumber(key))
    }
}

fn settings(map: &Map<String, Value>) -> BTreeMap<String, Setting> {
    let setting = |value: &Value| match value {
        Value::Bool(value) => Setting::Bool(*value),
        Value::String(value) => Setting::Text(value.clone()),
        other => Setting::Text(other.to_string()),
    };
    map.iter()
        .map(|(key, value)| (key.clone(), setting(value)))
        .collect()
}

fn numbers(map: &Map<String, Value>) -> BTreeMap<String, u64> {
    map.iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_u64()?)))
        .collect()
}

/// `found`, which has every key of `wanted`.
fn with<U>(
    path: &Path,
    wanted: &BTreeSet<String>,
    found: BTreeMap<String, U>,
) -> Result<BTreeMap<String, U>, Error> {
    match wanted.iter().find(|key| !found.contains_key(*key)) {
        Some(key) => Err(Error::Missing {
            path: path.to_owned(),
            key: key.clone(),
        }),
        None => Ok(found),
    }
}

/// `found` without what is not `wanted`.
fn only<U>(
    path: &Path,
    wanted: &BTreeSet<String>,
    found: BTreeMap<String, U>,
) -> Result<BTreeMap<String, U>, Error> {
    let mut found = with(path, wanted, found)?;
    found.retain(|key, _| wanted.contains(key));
    Ok(found)
}
