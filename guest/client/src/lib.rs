// SPDX-License-Identifier: BSD-2-Clause
//! `molt-guest` without a system under it: its [commands](Command), its [session](Session) with the doorbell's port
//! (`molt_doorbell::port`), and what it [prints](print).
//!
//! [`run`] carries a command out and returns the program's exit code.
#![no_std]
#![forbid(unsafe_code)]

mod command;
mod exit;
pub mod holders;
mod part;
pub mod print;
mod run;
mod session;

pub use command::{Command, HELP, MAX_ATTRIBUTES, Options, Server, Usage};
pub use exit::Exit;
pub use part::{Front, OLD, Obstacle, Place, Value, find as find_part};
pub use run::{choose, run};
pub use session::{Session, Stream, Trouble};
