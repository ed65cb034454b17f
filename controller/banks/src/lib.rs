// SPDX-License-Identifier: BSD-2-Clause
//! What a controller keeps in its NOR flash, and how it decides what to run (docs/firmware.md).
//!
//! ```text
//! | log: two sectors | … | bank 0 | bank 1 |
//! ```
//!
//! **The log's last record is the state** ([`log`]): which bank is confirmed, whether the other one is on trial, how often the
//! controller was started, and the lowest security counter that is accepted. **A start** ([`start`]) writes a record before it
//! enters an image: so a trial is made once, and the count of starts never goes back. **A transfer** ([`Transfer`]) only ever
//! writes the bank that does not run, and none is made during a trial. So there is at each moment a whole image that the next
//! start runs, wherever the power goes.
#![cfg_attr(not(feature = "model"), no_std)]
#![forbid(unsafe_code)]

mod examine;
mod flash;
pub mod layout;
pub mod log;
#[cfg(feature = "model")]
pub mod model;
mod start;
mod transfer;

pub use examine::Examination;
pub use flash::{Fault, Flash};
pub use log::{Log, Record, Trial};
pub use start::{Run, Start, activate, confirm, start, started};
pub use transfer::{Transfer, begin};
