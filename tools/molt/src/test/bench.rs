// SPDX-License-Identifier: BSD-2-Clause
//! Requests do not cost more instructions than the committed baseline has, and two in a hundred.

use anyhow::Result;

use super::count::Count;
use crate::bench::check::{self, Outcome};
use crate::kernel::Kernel;
use crate::output::say;
use crate::toolchain::Toolchain;

const NAME: &str = "bench";

/// Counts, as one test.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, filter: Option<&str>) -> Result<Count> {
    if filter.is_some_and(|filter| !NAME.contains(filter)) {
        return Ok(Count::default());
    }
    Ok(match check::check(toolchain, kernel)? {
        Outcome::Compared(changes) => {
            let worse: Vec<_> = changes.iter().filter(|change| change.is_worse()).collect();
            match worse.as_slice() {
                [] => say!("ok     {NAME}: {} counts", changes.len()),
                [first, ..] => say!("FAILED {NAME}: {first}"),
            }
            for change in worse.iter().skip(1) {
                say!("       {change}");
            }
            if !worse.is_empty() {
                say!("       {}", check::WHAT_TO_DO);
            }
            Count::of(worse.is_empty())
        }
        Outcome::Unknown(why) => {
            say!("skip   {NAME}: {why}");
            Count::SKIPPED
        }
    })
}
