// SPDX-License-Identifier: BSD-2-Clause
//! virtio-net on virtio-mmio, without an operating system in it (virtio 1.2, 5.1; version 2 registers).
//!
//! [`Nic::start`] resets the device, negotiates features, and sets up one pair of queues and the control queue in the ring
//! memory. The receive buffers are in the ring memory too: the destination of a frame is known only when it has arrived, so
//! the device must not write to a client's memory. Frames to be sent are read by the device where the client has put them.
//!
//! Offloads are passed through: a frame to be sent carries the client's [`Offload`], a received one the device's.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod config;
mod control;
mod features;
mod nic;
mod receive;
mod transmit;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use features::Features;
pub use molt_net::{HEADER, Mac, Offload};
pub use molt_virtio::Error;
pub use nic::{Changes, Nic, RING_BYTES};
pub use receive::{BUFFER, Frame};
pub use transmit::SEGMENTS;
