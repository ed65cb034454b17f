// SPDX-License-Identifier: BSD-2-Clause
//! virtio 1.2, the device's side: split virtqueue, MMIO transport, the link to a driver, and one device for each class.

pub mod block;
pub mod console;
mod console_control;
mod data;
pub mod entropy;
pub mod link;
pub mod mmio;
pub mod net;
mod net_carrier;
mod net_control;
mod net_features;
mod net_receive;
pub mod port;
pub mod queue;
pub mod request;
pub mod standing;
pub mod terminal;
pub mod usage;
