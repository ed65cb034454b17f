// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's device model: guest memory, interrupt controller, PSCI, virtio, console, doorbell, boot.
//!
//! It knows no kernel: [`Vm`] takes the vCPU's exits and the neighbours' events, and calls a [`Platform`]. Whatever a
//! guest does gets that guest an answer (an error status, a device that needs a reset, an exception, its own end),
//! never a panic here.
//!
//! Limits: one vCPU; a reset ends the guest; while a disk's component is out of service its requests wait for ever, and
//! so does a guest that resets the disk with requests in flight.
#![cfg_attr(not(any(test, feature = "device-tree")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod boot;
mod bus;
#[cfg(feature = "device-tree")]
pub mod device_tree;
mod doorbell;
mod exit;
mod gic;
pub mod machine;
mod pl011;
mod platform;
mod psci;
mod ram;
mod registers;
mod syndrome;
pub mod virtio;
mod vm;

pub use bus::{Counters, Device, World};
pub use doorbell::Doorbell;
pub use exit::{Exit, Next, Stop};
pub use gic::{Gic, INTERRUPTS, VIRTUAL_TIMER};
pub use platform::{InjectError, Platform, VcpuRegister};
pub use ram::Ram;
pub use registers::{Frame, Registers};
pub use syndrome::Width;
pub use vm::Vm;
