// SPDX-License-Identifier: BSD-2-Clause
//! Reads the console of a run, prints it as a timeline, summarises it (also as JSON), and judges it.
#![forbid(unsafe_code)]

mod collector;
mod guest_line;
pub mod operator;
mod result;
mod table;
mod timeline;
mod transactions;
mod verdict;

pub use collector::Collector;
pub use result::{Guest, Kind, Summary, Update};
pub use table::table;
pub use verdict::{Expectation, judge};
