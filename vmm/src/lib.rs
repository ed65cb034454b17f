// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's device model: guest memory, interrupt controller, PSCI, virtio, console, doorbell, boot.
//!
//! It does not depend on a kernel: [`Vm`] takes the vCPUs' exits and the neighbours' events, and calls a [`Platform`].
//! Whatever a guest does, it causes an answer to that guest (an error status, a device that needs a reset, an exception, or
//! the guest's end) and never a panic here.
//!
//! Limits: a guest has at most four vCPUs. A guest that resets its disk while requests are in flight waits until
//! the driver has completed them: during a blackout, until the next generation has.
#![cfg_attr(not(any(test, feature = "device-tree")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod boot;
mod bus;
mod deferral;
#[cfg(feature = "device-tree")]
pub mod device_tree;
mod doorbell;
mod doorbell_port;
mod exit;
mod gic;
pub mod machine;
mod mailbox;
mod passed;
mod pause;
mod pl011;
mod platform;
mod processor;
mod psci;
mod ram;
mod registers;
pub mod reset;
pub mod sensors;
pub mod sensors_port;
pub mod stand_in;
mod syndrome;
pub mod virtio;
mod vm;

pub use bus::{Counters, Device, World};
pub use deferral::Deferral;
pub use doorbell::Doorbell;
pub use doorbell_port::{Component, DoorbellPort};
pub use exit::{Exit, Next, Stop};
pub use gic::{Gic, INTERRUPTS, LINE, VIRTUAL_TIMER};
pub use mailbox::Mailbox;
pub use passed::{Passed, Waited};
pub use pause::Pause;
pub use platform::{InjectError, Platform, VcpuRegister};
pub use processor::{MAX_VCPUS, Vcpus};
pub use ram::Ram;
pub use registers::{Frame, Registers};
pub use syndrome::Width;
pub use vm::Vm;
