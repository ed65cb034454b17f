// SPDX-License-Identifier: BSD-2-Clause
//! A guest's consoles between its VMM and the machine's port, which `serial` has.
//!
//! Each console is a pair of rings (`molt_trace::ring`): what the guest prints, and what is typed for it. The VMM has the
//! [`Terminal`], `serial` the [`Multiplexer`] with all of them. One console at a time can be *attached*: what is typed goes to it,
//! and what its guest prints comes through as it is. The others' output is printed line by line behind the guest's name.
//!
//! ```text
//! Ctrl-\ NAME Enter       attaches the console NAME (linux, linux/hvc0), which may be its number in the list
//! Ctrl-\ Enter            attaches none: what is typed goes to the operator's commands
//! Ctrl-\ ? Enter          lists the consoles
//! Ctrl-\ Ctrl-\           types Ctrl-\
//! ```
//!
//! Nobody waits for a guest that does not read: its ring is full then, and what is typed stays in the port for [`PATIENCE_NS`].
//! After that it is dropped, which is told.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod multiplexer;
mod name;
mod switch;
mod terminal;

pub use multiplexer::{Intake, Multiplexer, PATIENCE_NS, PAUSE_NS, Source, Typed};
pub use name::{KINDS, Kind, Name};
pub use switch::{ESCAPE, Key, Switch, WORD};
pub use terminal::Terminal;

/// What `serial` calls itself on the console.
pub const SPEAKER: &str = "serial";
/// What the line begins with, behind [`SPEAKER`], that tells at the start how a console is attached. The names of all consoles
/// follow, with commas between them.
pub const SHOWN: &str = "Ctrl-\\ NAME Enter attaches a guest's console, Ctrl-\\ Enter none: ";
