// SPDX-License-Identifier: BSD-2-Clause
//! A scenario that is measured.

use anyhow::{Result, bail};

use crate::arguments::Measure;
use crate::commands::play_loaded;
use crate::kernel::Kernel;
use crate::scenario::{Edit, Scenario};
use crate::session::{Outcome, Show};
use crate::toolchain::Toolchain;

/// Plays the scenario of this name with these further edits, by the count of instructions.
///
/// # Errors
/// It does not end as it expects.
pub fn played(
    toolchain: &Toolchain,
    kernel: &Kernel,
    name: &str,
    edits: impl IntoIterator<Item = Edit>,
) -> Result<Outcome> {
    let path = toolchain.root().join(name);
    let measure = Measure {
        icount: true,
        json: None,
    };
    let mut scenario = Scenario::load(&path)?;
    scenario.edits.extend(edits);
    let outcome = play_loaded(&path, scenario, kernel, &measure, Show::Nothing)?;
    if !outcome.failures.is_empty() {
        bail!("{name}: {}", outcome.failures.join("; "));
    }
    Ok(outcome)
}
