// SPDX-License-Identifier: BSD-2-Clause
//! Cores: a plain Microkit system may use all cores of its kernel. A system with our elements uses core 0 only, because the
//! deadlines of an update are calculated for one core.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::System;

pub fn check(system: &System) -> Result<(), Broken> {
    match system.cores().find(|core| core.value != 0) {
        Some(core) if system.is_ours() => broken(&core.span, Rule::OneCore(core.value)),
        _ => Ok(()),
    }
}
