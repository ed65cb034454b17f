// SPDX-License-Identifier: BSD-2-Clause
//! The figures of `molt bench`: the load's result lines, figures over several runs, and their presentation.
//!
//! Nothing here starts a machine. docs/performance.md describes the lines and the figures.
#![forbid(unsafe_code)]

mod baseline;
mod console;
mod distribution;
mod figures;
mod growth;
mod line;
mod plot;
mod report;
mod row;
mod table;

pub use baseline::{Baseline, Change, Counts, Figures, TOLERANCE, Tools, changes};
pub use console::Console;
pub use distribution::{Distribution, Distributions};
pub use figures::figures;
pub use growth::{Fit, Growth};
pub use line::{Line, Times};
pub use report::{Blackouts, Counted, Report};
pub use row::{Row, Rows, System, median};
pub use table::table;
