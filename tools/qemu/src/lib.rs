// SPDX-License-Identifier: BSD-2-Clause
//! Runs an image in QEMU and reads its console, line by line.
//!
//! The board's file describes the machine. The lines are passed to an [`Observer`], which interprets them.
#![forbid(unsafe_code)]

mod console;
mod controller;
mod disk_image;
mod limit;
mod machine;
mod program;

pub use console::{End, Observer, RunError, Step, run, watch};
pub use controller::{Controller, Garble, Running, StartError};
pub use disk_image::{Format, ImageError, disk_size};
pub use machine::{Boot, Clock, Disk, LINE, Machine};
pub use program::{Unfit, fit, has_plugins, version};
