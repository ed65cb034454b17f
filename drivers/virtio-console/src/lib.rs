// SPDX-License-Identifier: BSD-2-Clause
//! The driver of a virtio console (virtio 1.2, 5.3) on virtio-mmio or PCI as a byte stream, without an operating system in it.
//!
//! [`Console::start`] resets the device and sets up its two queues: VIRTIO_CONSOLE_F_MULTIPORT is not negotiated, so that the
//! device has one port and no control queues (5.3.2), and that port is open from the start. Bytes are copied between the
//! caller and buffers in the ring memory. The device is not believed: a length or a descriptor that cannot be is an error,
//! after which only a reset helps.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod console;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use console::{BUFFER, Console, RING_BYTES};
pub use molt_virtio::{Error, Region};
