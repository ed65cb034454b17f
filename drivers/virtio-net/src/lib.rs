// SPDX-License-Identifier: BSD-2-Clause
//! The driver of a virtio network card (virtio 1.2, 5.1) on virtio-mmio or PCI, with the switch between the card and its clients,
//! without an operating system in it.
//!
//! [`Nic::start`] resets the device, negotiates features, and sets up one pair of queues and the control queue in the ring
//! memory. The receive buffers are in the ring memory too: the destination of a frame is known only when it has arrived, so
//! the device must not write to a client's memory. Frames to be sent are read by the device where the client has put them.
//!
//! [`Driver`] takes the clients' frames in turn, asks the switch (`molt-switch`) where each one goes, and passes it to the
//! device, to other clients, or to both. Frames between clients do not need the device.
//!
//! Offloads are passed through: a frame to be sent carries the client's [`Offload`], a received one the device's or the
//! sender's. What the device does not do is done here ([`molt_net::Segments`]): clients may always leave checksums to be
//! completed and TCP to be cut into segments, and between clients neither is done at all.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod client;
mod config;
mod control;
mod driver;
mod features;
mod frame;
mod nic;
mod parts;
mod receive;
mod transmit;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use client::{Client, Share};
pub use config::Config;
pub use driver::{CLIENTS, Driver};
pub use features::Features;
pub use frame::Frame;
pub use molt_net::{HEADER, Mac, Offload};
pub use molt_service::{Code, Progress, Service};
pub use molt_virtio::Region;
pub use nic::{Nic, RING_BYTES};
pub use receive::BUFFER;
pub use transmit::{FRAMES, START};

/// The device, or what the driver was given, is not as it has to be.
pub type Error = molt_service::Error<molt_virtio::Error>;
