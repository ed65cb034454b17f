// SPDX-License-Identifier: BSD-2-Clause
//! A virtio device's registers, on virtio-mmio (version 2) or PCI, and split queues, from the driver's side (virtio 1.2), for
//! any kind of device.
//!
//! The device is trusted only not to touch other memory than it was given. What it writes is checked before it is used.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod error;
mod queue;
mod region;
pub mod registers;
mod transport;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use queue::{ENTRIES, Piece, QUEUE_BYTES, Queue};
pub use region::Region;
pub use transport::Transport;
