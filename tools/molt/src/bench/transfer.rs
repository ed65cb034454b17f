// SPDX-License-Identifier: BSD-2-Clause
//! What a guest notices at its disk while the firmware of another device is transferred, and exchanged.

use anyhow::{Context, Result};

use super::played::answered;
use super::wanted::{TRANSFER, Wanted};
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::toolchain::Toolchain;

/// For each device: the 99th percentile of the guest's requests before the update, in microseconds, and how many times as long it is
/// during the transfer, and from there to the end of the probation.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    wanted: &Wanted,
    run: u64,
) -> Result<Vec<(String, f64)>> {
    let mut figures = Vec::new();
    for (device, names) in TRANSFER {
        if !names.iter().any(|name| wanted.has(name)) {
            continue;
        }
        let step = Step::start(format!(
            "transfer to a {device} on {}, run {run}",
            kernel.label()
        ));
        let values = one(toolchain, kernel, device)?;
        let named = names.map(str::to_owned).into_iter().zip(values);
        figures.extend(named.filter(|(name, _)| wanted.has(name)));
        step.done();
    }
    Ok(figures)
}

fn one(toolchain: &Toolchain, kernel: &Kernel, device: &str) -> Result<[f64; 3]> {
    let scenario = format!("tests/measure/transfer-{device}.toml");
    let outcome = answered(toolchain, kernel, &scenario)?;
    let mut guests = outcome.summary.guests.iter();
    let measured = guests.find_map(|guest| {
        let p99 = |part: &str| guest.p99_in_updates_ns.get(part).map(|ns| *ns as f64);
        let before = p99("before")?;
        let ratio = |part| Some(p99(part)? / before);
        Some([before / 1e3, ratio("transferring")?, ratio("exchanging")?])
    });
    measured.with_context(|| format!("{scenario}: no guest measured all parts of an update"))
}
