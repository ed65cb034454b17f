// SPDX-License-Identifier: BSD-2-Clause
//! virtio-blk on virtio-mmio, without an operating system in it (virtio 1.2; version 2 registers).
//!
//! [`Driver::start`] resets the device, negotiates and sets up its one queue in the ring memory;
//! [`Driver::attach`] adds a client with its share of the disk; [`Driver::pump`] takes requests of all clients in
//! turn and gives them to the device; [`Driver::interrupt`] completes what the device has done. Data goes
//! between the device and the clients' memory; this program never touches that memory, and
//! whatever it shares with the device (headers, status bytes, descriptors) is in the ring memory.
//!
//! A device that misbehaves is an [`Error`], after which only a reset helps: end the generation.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod bounds;
mod client;
mod config;
mod driver;
mod error;
mod registers;
mod ring;
mod transport;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use bounds::Share;
pub use client::{Client, ClientId};
pub use config::Config;
pub use driver::{CLIENTS, Driver, Progress};
pub use error::Error;
pub use registers::{Features, Registers};
pub use ring::{RING_BYTES, Ring};
