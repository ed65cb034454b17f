// SPDX-License-Identifier: BSD-2-Clause
//! An SD memory card behind a standard SD host controller, without an operating system in it.
//!
//! Clauses with an H are of the SD Host Controller Simplified Specification 3.00, those with a P of the Physical Layer
//! Simplified Specification 7.10. [`Disk::start`] resets the controller and begins to start the card; at each interrupt the
//! next command is issued, until the card can be used. From then on each read or write is one command, whose data
//! goes by ADMA2 directly between the card and the clients' memory; the descriptors are in the ring memory. The controller
//! executes one command at a time, so requests wait in their clients' queues ([`molt_block::Driver`]).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod adma;
mod card;
mod controller;
mod disk;
mod error;
mod registers;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use adma::RING_BYTES;
pub use card::{Card, Width};
pub use disk::Disk;
pub use error::Error;

/// Waits for so many microseconds at least.
pub type Pause = fn(u32);
