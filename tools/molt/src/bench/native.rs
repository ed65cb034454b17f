// SPDX-License-Identifier: BSD-2-Clause
//! A native client whose request path is measured, where there are no virtual machines.

use anyhow::Result;
use molt_bench::{Line, figures};
use molt_profile::Profile;

use super::profile;
use super::wanted::{ENTRIES, INSTRUCTIONS};
use crate::kernel::Kernel;
use crate::scenario::Scenario;
use crate::toolchain::Toolchain;

/// The scenario: the system with its changes.
pub const SCENARIO: &str = "tests/measure/native.toml";
/// The file that the client has its arguments from.
const ARGUMENTS: &str = "arguments";

/// The scenario with these arguments of the load.
pub fn scenario(toolchain: &Toolchain, arguments: &str) -> Result<Scenario> {
    let mut scenario = Scenario::load(&toolchain.root().join(SCENARIO))?;
    let arguments = (ARGUMENTS.to_owned(), arguments.to_owned());
    scenario.files.extend([arguments]);
    Ok(scenario)
}

/// What was measured.
pub struct Run {
    /// The load's lines.
    pub lines: Vec<Line>,
    /// The rows' figures, by the machine's clock and by the plugin's counts.
    pub figures: Vec<(String, f64)>,
    /// The profile of each row.
    pub profiles: Vec<Profile>,
}

/// Measures these rows, in the load's order.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    rows: &[&str],
    requests: u64,
    seed: u64,
) -> Result<Run> {
    let (lines, profiles) = profile::measured(toolchain, kernel, rows, requests, seed)?;
    let mut figures = figures(&lines);
    let counted = rows.iter().zip(&profiles);
    figures.extend(counted.flat_map(|(row, profile)| counts(row, profile)));
    Ok(Run {
        lines,
        figures,
        profiles,
    })
}

fn counts(row: &str, profile: &Profile) -> [(String, f64); 2] {
    [
        (format!("{INSTRUCTIONS}{row}"), profile.instructions),
        (format!("{ENTRIES}{row}"), profile.kernel_entries()),
    ]
}
