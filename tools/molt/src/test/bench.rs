// SPDX-License-Identifier: BSD-2-Clause
//! Requests do not cost more instructions than the committed baseline has, and two in a hundred.

use anyhow::Result;

use super::count::Count;
use super::scenarios::on_board;
use crate::bench::check::{self, Outcome};
use crate::kernel::{EMBEDDED_BOARD, Kernel};
use crate::output::say;
use crate::toolchain::Toolchain;

const NAME: &str = "bench";
/// The boards that have a baseline.
const BOARDS: [&str; 2] = [EMBEDDED_BOARD, "x86_64_generic"];

/// Counts on each board that the kernel can be run on, each as one test.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, filter: Option<&str>) -> Result<Count> {
    let mut count = Count::default();
    if filter.is_some_and(|filter| !NAME.contains(filter)) {
        return Ok(count);
    }
    for board in BOARDS {
        match on_board(toolchain, kernel, board) {
            Ok((kernel, _)) => count += one(toolchain, &kernel)?,
            Err(reason) => {
                say!("skip   {NAME} on {board}: {reason:#}");
                count += Count::SKIPPED;
            }
        }
    }
    Ok(count)
}

fn one(toolchain: &Toolchain, kernel: &Kernel) -> Result<Count> {
    let board = kernel.board();
    Ok(match check::check(toolchain, kernel)? {
        Outcome::Compared(changes) => {
            let worse: Vec<_> = changes.iter().filter(|change| change.is_worse()).collect();
            match worse.as_slice() {
                [] => say!("ok     {NAME} on {board}: {} counts", changes.len()),
                [first, ..] => say!("FAILED {NAME} on {board}: {first}"),
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
            say!("skip   {NAME} on {board}: {why}");
            Count::SKIPPED
        }
    })
}
