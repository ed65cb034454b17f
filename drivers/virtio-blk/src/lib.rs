// SPDX-License-Identifier: BSD-2-Clause
//! virtio-blk on virtio-mmio, without an operating system in it.
#![no_std]
#![forbid(unsafe_code)]
