// SPDX-License-Identifier: BSD-2-Clause
//! Makes a profile of what ran between two marks, from the counts of QEMU's plugin (`tools/qemu-plugin`): instructions by
//! program and function, and entries of the kernel by kind and by program.
//!
//! A block of instructions belongs to the program whose ELF file has the same bytes at the same address. A block that no
//! program's file has is the guest's.
#![forbid(unsafe_code)]

mod counts;
mod entry;
mod flame;
mod matching;
mod profile;
mod program;

pub use counts::{Block, Counts, CountsError, Entry};
pub use flame::flame_graph;
pub use profile::{EntryCount, FunctionCount, Profile};
pub use program::{Program, ProgramError};
