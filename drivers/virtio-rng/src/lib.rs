// SPDX-License-Identifier: BSD-2-Clause
//! The driver of a virtio entropy device (virtio 1.2, 5.4) on virtio-mmio or PCI, without an operating system in it.
//!
//! [`Rng::start`] resets the device and sets up its only queue. [`Driver`] gives it the requests of several clients, in turn,
//! and answers each with the number of bytes. The device writes directly to the clients' memory; the driver has no mapping of
//! it, and never sees a random number.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod client;
mod driver;
mod rng;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use driver::{CLIENTS, Driver};
pub use molt_service::{Code, Progress, Service};
pub use molt_virtio::Region;
pub use rng::Rng;

/// The device, or what the driver was given, is not as it has to be.
pub type Error = molt_service::Error<molt_virtio::Error>;
