// SPDX-License-Identifier: BSD-2-Clause
//! Which SDKs Molt was tried with.

use std::fs;
use std::path::Path;

use crate::Error;

/// An SDK's version, and that of the kernel in it, which no file of the SDK tells.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// Microkit's.
    pub sdk: &'static str,
    /// seL4's.
    pub kernel: &'static str,
}

/// The versions that Molt was tried with.
pub const TRIED: &[Version] = &[Version {
    sdk: "2.3.0",
    kernel: "16.0.0",
}];

/// The official download calls the file `VERSION`; some builds have `VERSION.txt`.
const FILES: [&str; 2] = ["VERSION", "VERSION.txt"];

/// The version of the SDK in a folder.
pub fn read(root: &Path) -> Result<&'static Version, Error> {
    let text = FILES
        .iter()
        .find_map(|name| fs::read_to_string(root.join(name)).ok())
        .ok_or_else(|| Error::NotAnSdk(root.to_owned()))?;
    let found = text.trim();
    TRIED
        .iter()
        .find(|version| version.sdk == found)
        .ok_or_else(|| Error::Version {
            sdk: root.to_owned(),
            found: found.to_owned(),
        })
}
