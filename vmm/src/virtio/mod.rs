// SPDX-License-Identifier: BSD-2-Clause
//! virtio 1.2, the device's side: split virtqueue, MMIO transport, block device.

pub mod block;
pub mod mmio;
pub mod queue;
pub mod request;
