// SPDX-License-Identifier: BSD-2-Clause
//! virtio-mmio's registers and split queues from the driver's side (virtio 1.2; version 2 registers), for any kind of
//! device with any number of queues.
//!
//! The device is trusted only not to touch other memory than it was given. What it writes is checked before it is used.
#![no_std]
#![forbid(unsafe_code)]

mod error;
mod queue;
mod region;
pub mod registers;
mod transport;

pub use error::Error;
pub use queue::{ENTRIES, Piece, QUEUE_BYTES, Queue};
pub use region::Region;
pub use transport::Transport;
