// SPDX-License-Identifier: BSD-2-Clause
//! JSON files that hold one object.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;

/// The object in a file.
///
/// # Errors
/// When it cannot be read or is not a JSON object.
pub fn object(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::Read {
        path: path.to_owned(),
        error,
    })?;
    parse(path, &text)
}

/// The object in a text that came from `path`.
///
/// # Errors
/// When it is not a JSON object.
pub fn parse(path: &Path, text: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(text).map_err(|error| Error::Json {
        path: path.to_owned(),
        error,
    })
}
