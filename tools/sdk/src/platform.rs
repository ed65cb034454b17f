// SPDX-License-Identifier: BSD-2-Clause
//! `platform_gen.json`: the board's physical memory as the kernel hands it out.

use std::ops::Range;
use std::path::{Path, PathBuf};

use sel4_config_tables::{object, parse};
use serde_json::{Map, Value};

use crate::Error;

/// Beside each kernel.
pub const FILE: &str = "platform_gen.json";

/// Physical memory; empty where only the machine knows it, which tells the kernel when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// RAM that the kernel and user land share out, by rising address.
    pub memory: Vec<Range<u64>>,
    /// What user land may map as device memory, by rising address: everything but RAM and the kernel's own devices.
    pub devices: Vec<Range<u64>>,
}

impl Platform {
    /// The embedded kernel's (`kernel/arch/src/layout.rs`), on the one board that it is for.
    ///
    /// # Errors
    /// Never with the file of this crate, which a test reads.
    pub fn embedded() -> Result<Self, Error> {
        let path = PathBuf::from(FILE);
        let object = parse(&path, include_str!("../config/platform_gen.json"))?;
        Self::of(path, &object)
    }

    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let object = object(&path)?;
        Self::of(path, &object)
    }

    /// Whether the kernel gives all of a range to users; the range must be of one kind of memory. Where the memory is not
    /// known, `monitor` finds out at boot.
    #[must_use]
    pub fn has(&self, range: &Range<u64>) -> bool {
        if self.memory.is_empty() {
            return true;
        }
        let mut all = self.memory.iter().chain(&self.devices);
        all.any(|part| part.start <= range.start && range.end <= part.end)
    }

    fn of(path: PathBuf, object: &Map<String, Value>) -> Result<Self, Error> {
        let ranges = |key: &'static str| {
            let rows = object.get(key).and_then(Value::as_array)?;
            let ranges: Option<Vec<_>> = rows.iter().map(range).collect();
            ranges.filter(|ranges| !ranges.is_empty())
        };
        let or_missing = |key: &'static str| {
            ranges(key).ok_or_else(|| Error::Platform {
                path: path.clone(),
                key,
            })
        };
        Ok(Self {
            memory: or_missing("memory")?,
            devices: or_missing("devices")?,
        })
    }
}

fn range(row: &Value) -> Option<Range<u64>> {
    let range = row.get("start")?.as_u64()?..row.get("end")?.as_u64()?;
    (!range.is_empty()).then_some(range)
}
