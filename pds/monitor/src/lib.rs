// SPDX-License-Identifier: BSD-2-Clause
//! `monitor`'s walk over the packed system, without the kernel that it runs on.
//!
//! [`Memory`] decides which untyped an object is made of, [`walk`] goes through the tables of [`molt_system::boot`] and calls
//! a [`Kernel`]. The program implements that trait with invocations; the host's tests with a model.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod kernel;
mod memory;
mod own;
mod walk;

pub use kernel::{Kernel, Slot};
pub use memory::{MOST, Memory, OutOfMemory, Part, Piece, Run, Untyped};
pub use own::{OwnFailure, own_window};
pub use walk::{Failure, Step, walk};
