// SPDX-License-Identifier: BSD-2-Clause
//! A system description as a picture.
#![forbid(unsafe_code)]

use molt_sdf::System;

/// The system as SVG.
pub fn draw(_system: &System) -> String {
    String::new()
}
