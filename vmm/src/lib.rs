// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's device model: guest memory, interrupt controller, PSCI, virtio, console, doorbell, boot.
#![no_std]
#![forbid(unsafe_code)]
