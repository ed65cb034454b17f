// SPDX-License-Identifier: BSD-2-Clause
//! The lines that an operator exchanges with `update` over the console's port.
//!
//! ```text
//! operator                         update
//!  #7 approve disk 1f3a90c2   ->
//!                             <-   update: operator #7 ok
//!  #8 list                    ->
//!                             <-   update: operator #8 component disk sequence=5 …
//!                             <-   update: operator #8 client vmm_first standing=believed
//!                             <-   update: operator #8 ok
//! ```
//!
//! A line is at most [`LINE`] bytes of printable ASCII and ends with LF or CR. It may begin with a [`Tag`], which the answers
//! repeat. Each command is answered with any number of lines and then with one line `ok` or `refused REASON`. A person can
//! type commands; `molt operator` types them for programs.
//!
//! Whoever writes to the port is not trusted with more than system.xml says ([`May`]). [`Assembler`] makes lines of any bytes,
//! [`parse`] makes commands of any line; neither fails otherwise than with a [`Wrong`].
#![no_std]
#![forbid(unsafe_code)]

mod assembler;
mod command;
mod may;

pub use assembler::{Assembler, LINE};
pub use command::{Command, Order, Prefix, Tag, Wrong, parse};
pub use may::May;

/// What each answer begins with, behind the name of `update`.
pub const ANSWER: &str = "operator";
