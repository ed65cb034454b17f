// SPDX-License-Identifier: BSD-2-Clause
//! What a guest notices of another one that works as it does, and of one that does what costs its neighbours most.

use anyhow::{Context, Result};

use super::played::played;
use super::wanted::{NEIGHBOUR, Wanted};
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::Edit;
use crate::toolchain::Toolchain;

/// The scenario: the system, the bundle, and the expected results.
const SCENARIO: &str = "tests/measure/neighbour.toml";
/// The guest that is measured.
const GUEST: &str = "second";

/// For each way in which the neighbour behaves: the 99th percentile of the guest's requests, in microseconds.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    wanted: &Wanted,
    run: u64,
) -> Result<Vec<(String, f64)>> {
    let mut figures = Vec::new();
    for name in NEIGHBOUR.iter().filter(|name| wanted.has(name)) {
        let step = Step::start(format!("{name} on {}, run {run}", kernel.label()));
        figures.push(((*name).to_owned(), one(toolchain, kernel, name)?));
        step.done();
    }
    Ok(figures)
}

fn one(toolchain: &Toolchain, kernel: &Kernel, name: &str) -> Result<f64> {
    // The guest's storms have the names of the figures; there is none for `load`.
    let storm = name.split('_').nth(1).unwrap_or_default();
    let edit = Edit {
        from: "generation=1".to_owned(),
        to: format!("generation=1 storms={storm}"),
    };
    let outcome = played(toolchain, kernel, SCENARIO, [edit]).context(name.to_owned())?;
    let mut guests = outcome.summary.guests.iter();
    let guest = guests.find(|guest| guest.name == GUEST);
    let p99 = guest.and_then(|guest| guest.p99_latency_ns);
    let p99 = p99.with_context(|| format!("{SCENARIO}: '{GUEST}' has no 99th percentile"))?;
    Ok(p99 as f64 / 1e3)
}
