// SPDX-License-Identifier: BSD-2-Clause
//! Typed trace events and their one-line form on the console.
//!
//! A [`Line`] is one event with its time; it prints as `molt: <ns> <event> key=value ...` and is
//! parsed back by the host tool: `line.parse::<Line>()`. PDs get their lines to the UART through a
//! [`ring`] to `serial`.
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
pub use word::Word;
