// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's ABI: its numbers, each defined once, and the system call instruction.

mod abi;
mod regs;

pub use abi::*;
pub(crate) use regs::Regs;
