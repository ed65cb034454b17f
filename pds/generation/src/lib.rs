// SPDX-License-Identifier: BSD-2-Clause
//! Runs one generation of a driver as a protection domain: brief, start, service, heartbeats, quiesce, reports. It does not
//! depend on the class of the device: the driver is a [`molt_service::Service`].
#![no_std]
#![forbid(unsafe_code)]

pub mod brief;
mod fault;
mod generation;

pub use fault::{Fault, Sound};
pub use generation::Generation;
