// SPDX-License-Identifier: BSD-2-Clause
//! The blackout: many cold swaps under two bare guests, or under two native clients where there are no virtual machines.

use anyhow::Result;
use molt_bench::Blackouts;
use molt_sdk::Arch;

use super::played::played;
use super::wanted::BLACKOUT;
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::Edit;
use crate::toolchain::Toolchain;

/// The scenario: the system, the bundles, and the expected results.
pub const SCENARIO: &str = "tests/measure/blackout.toml";
/// The same on x86_64.
const NATIVE: &str = "tests/scenarios/x86-many-swaps.toml";

/// Runs it; the guests' random numbers are others in each run, native clients' are not. The swaps go to `all`, too.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    run: u64,
    all: &mut Blackouts,
) -> Result<Vec<(String, f64)>> {
    let (name, has_guests) = match kernel.arch() {
        Arch::Aarch64 => (SCENARIO, true),
        Arch::X86_64 => (NATIVE, false),
    };
    let step = Step::start(format!("blackout on {}, run {run}", kernel.label()));
    let edit = |from: &str, number| Edit {
        from: format!("{from} "),
        to: format!("guest={number} "),
    };
    let edits = [edit("guest=1", 2 * run + 1), edit("guest=2", 2 * run + 2)];
    let edits = edits.into_iter().filter(|_| has_guests);
    let outcome = played(toolchain, kernel, name, edits)?;
    step.done();
    let updates = &outcome.summary.updates;
    all.total.extend(updates.iter().map(|u| u.blackout_ns));
    all.cpu.extend(updates.iter().map(|u| u.blackout_cpu_ns));
    for (stage, ns) in updates.iter().flat_map(|u| &u.stages) {
        all.stages.entry(stage.clone()).or_default().push(*ns);
    }
    let cpu = sorted(updates.iter().map(|u| u.blackout_cpu_ns));
    let total = sorted(updates.iter().map(|u| u.blackout_ns));
    let figures = [
        share(&cpu, 50),
        share(&cpu, 99),
        share(&cpu, 100),
        share(&total, 50),
    ];
    let names = BLACKOUT.iter().map(|name| (*name).to_owned());
    Ok(names.zip(figures).collect())
}

fn sorted(ns: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut ns: Vec<u64> = ns.collect();
    ns.sort_unstable();
    ns
}

/// The time in microseconds that `percent` in a hundred do not exceed.
fn share(ns: &[u64], percent: usize) -> f64 {
    let index = (ns.len() * percent).div_ceil(100).saturating_sub(1);
    ns.get(index).map_or(f64::NAN, |ns| *ns as f64 / 1e3)
}
