// SPDX-License-Identifier: BSD-2-Clause
//! Runs an image in QEMU and reads its console, line by line.
//!
//! The machine is QEMU's `virt` with virtualisation and a GICv2: the board `qemu_virt_aarch64` of
//! the SDK. Nothing here knows what the lines mean; an [`Observer`] does.
#![forbid(unsafe_code)]

mod console;
mod machine;

pub use console::{End, Observer, RunError, Step, run};
pub use machine::{Clock, Disk, Machine};
