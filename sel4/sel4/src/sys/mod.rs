// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ABI: its numbers, each written down once, and the trap itself.

mod abi;
mod trap;

pub use abi::*;
pub(crate) use trap::{Regs, trap};
