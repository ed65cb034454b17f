// SPDX-License-Identifier: BSD-2-Clause
//! The technique `stand-in`: how long a request takes that is served while the driver is away.

use anyhow::{Result, bail};

use super::wanted::STAND_IN;
use crate::arguments::Measure;
use crate::commands::play_loaded;
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::Scenario;
use crate::session::Show;
use crate::toolchain::Toolchain;

/// The scenario: the system, the bundles, and the expected results.
const SCENARIO: &str = "tests/measure/stand-in.toml";

/// Runs it; the longest time of all guests' requests that were served, in microseconds.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, run: u64) -> Result<Option<(String, f64)>> {
    let path = toolchain.root().join(SCENARIO);
    let measure = Measure {
        icount: true,
        json: None,
    };
    let step = Step::start(format!("stand-in on {}, run {run}", kernel.label()));
    let scenario = Scenario::load(&path)?;
    let outcome = play_loaded(&path, scenario, kernel, &measure, Show::Nothing)?;
    step.done();
    if !outcome.failures.is_empty() {
        bail!("{SCENARIO}: {}", outcome.failures.join("; "));
    }
    let guests = outcome.summary.guests.iter();
    let longest = guests.filter_map(|guest| guest.stand_in_longest_ns).max();
    Ok(longest.map(|ns| (STAND_IN.to_owned(), ns as f64 / 1e3)))
}
