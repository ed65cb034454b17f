// SPDX-License-Identifier: BSD-2-Clause
//! What happened in a run: read from the console, told as a timeline, summed up as JSON, judged.
#![forbid(unsafe_code)]

mod collector;
mod guest_line;
mod result;
mod table;
mod timeline;
mod transactions;
mod verdict;

pub use collector::Collector;
pub use result::{Guest, Kind, Summary, Update};
pub use table::table;
pub use verdict::{Expectation, judge};
