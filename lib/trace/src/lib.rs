// SPDX-License-Identifier: BSD-2-Clause
//! Typed trace events and their one-line form on the console.
//!
//! A [`Line`] is one event with its time, CNTPCT in nanoseconds. It is printed as `molt: <ns> <event> key=value ...`, and
//! the host tool parses it with `line.parse::<Line>()`. Only `update` writes trace lines; all PDs send their lines to the
//! UART through a [`ring`] to `serial`, which puts the PD's or guest's name before each ([`lines`]).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod event;
mod fields;
mod line;
pub mod lines;
pub mod ring;
mod word;

pub use event::Event;
pub use line::{Line, NotATraceLine, PREFIX};
pub use word::{Word, WordRef};
