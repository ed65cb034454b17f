// SPDX-License-Identifier: BSD-2-Clause
//! Cores: a plain Microkit system has those of its kernel. The deadlines of an update are reckoned for one.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::System;

pub fn check(system: &System) -> Result<(), Broken> {
    match system.cores().find(|core| core.value != 0) {
        Some(core) if system.is_ours() => broken(&core.span, Rule::OneCore(core.value)),
        _ => Ok(()),
    }
}
