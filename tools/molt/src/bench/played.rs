// SPDX-License-Identifier: BSD-2-Clause
//! A scenario that is measured.

use anyhow::{Result, bail};

use super::profile;
use crate::arguments::Measure;
use crate::commands::play_loaded;
use crate::kernel::Kernel;
use crate::scenario::{Edit, Scenario};
use crate::session::{self, Outcome, Show};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

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
    as_expected(name, outcome)
}

/// The same, with a disk that answers within the write that notifies it: a busy host shows in nothing.
///
/// # Errors
/// As above.
pub fn answered(toolchain: &Toolchain, kernel: &Kernel, name: &str) -> Result<Outcome> {
    let path = toolchain.root().join(name);
    let mut scenario = Scenario::load(&path)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut workspace = Workspace::prepare(toolchain, &mut scenario, &stem, kernel)?;
    workspace.machine.plugin = Some(profile::answering(toolchain)?);
    let outcome = session::run(&scenario, &workspace, kernel, true, Show::Nothing)?;
    as_expected(name, outcome)
}

fn as_expected(name: &str, outcome: Outcome) -> Result<Outcome> {
    if !outcome.failures.is_empty() {
        bail!("{name}: {}", outcome.failures.join("; "));
    }
    Ok(outcome)
}
