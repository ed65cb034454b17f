// SPDX-License-Identifier: BSD-2-Clause
//! The life of one generation of a driver as a protection domain: brief, start, service, signs of life, quiesce, reports. It
//! knows no class of device: the driver is a [`molt_service::Service`].
#![no_std]
#![forbid(unsafe_code)]

pub mod brief;
mod fault;
mod generation;

pub use fault::{Fault, Sound};
pub use generation::Generation;
