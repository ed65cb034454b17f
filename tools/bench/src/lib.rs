// SPDX-License-Identifier: BSD-2-Clause
//! What is measured: the load's result lines, figures over several runs, and how they are shown.
//!
//! Nothing here starts a machine. docs/performance.md describes the lines and the figures.
#![forbid(unsafe_code)]

mod console;
mod figures;
mod line;
mod row;
mod table;

pub use console::Console;
pub use figures::figures;
pub use line::{Line, Times};
pub use row::{Row, Rows, System};
pub use table::table;
