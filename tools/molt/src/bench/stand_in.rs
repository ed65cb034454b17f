// SPDX-License-Identifier: BSD-2-Clause
//! The technique `stand-in`: how long a request takes that is served while the driver is away.

use anyhow::Result;

use super::played::played;
use super::wanted::STAND_IN;
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::toolchain::Toolchain;

/// The scenario: the system, the bundles, and the expected results.
const SCENARIO: &str = "tests/measure/stand-in.toml";

/// Runs it; the longest time of all guests' requests that were served, in microseconds.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, run: u64) -> Result<Option<(String, f64)>> {
    let step = Step::start(format!("stand-in on {}, run {run}", kernel.label()));
    let outcome = played(toolchain, kernel, SCENARIO, [])?;
    step.done();
    let guests = outcome.summary.guests.iter();
    let longest = guests.filter_map(|guest| guest.stand_in_longest_ns).max();
    Ok(longest.map(|ns| (STAND_IN.to_owned(), ns as f64 / 1e3)))
}
