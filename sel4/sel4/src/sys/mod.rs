// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ABI: its numbers, each defined once, and the system call instruction.

mod abi;
mod trap;

pub use abi::*;
pub(crate) use trap::{Regs, trap};
