// SPDX-License-Identifier: BSD-2-Clause
//! A profile of what ran between two marks, from what QEMU's plugin (`tools/qemu-plugin`) counted: instructions by program
//! and function, and the kernel's entries by kind and by whom.
//!
//! A block of instructions belongs to the program whose ELF file has the same words at the same address. What is in no
//! program's file is the guest's.
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
