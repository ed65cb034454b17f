// SPDX-License-Identifier: BSD-2-Clause
//! virtio-blk on virtio-mmio (version 2 registers) and PCI, without an operating system in it (virtio 1.2).
//!
//! [`Disk::start`] resets the device, negotiates features, and sets up its one queue in the ring memory.
//! [`molt_block::Driver`] serves the clients' queues. Data goes directly between the device and the clients' memory, which
//! the driver never touches. Everything that the driver shares with the device (headers, status bytes, descriptors) is in
//! the ring memory.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod config;
mod disk;
mod registers;
mod ring;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use disk::Disk;
pub use molt_virtio::Error;
pub use registers::Features;
pub use ring::RING_BYTES;
