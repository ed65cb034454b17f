// SPDX-License-Identifier: BSD-2-Clause
//! The driver of a controller (a small computer with sensors) at the end of a serial line, without an operating system in it.
//!
//! [`Driver`] passes its clients' requests to read sensors to the controller, over the protocol of `molt-link`. It also sees to
//! the controller's firmware:
//!
//! * **At the start** it asks what runs. If that is not the firmware that the generation was given, it has the controller restart
//!   into its other bank if the firmware is there, or transfers it first (`bring_up`). Only then it is ready. Without a firmware
//!   it serves whatever runs.
//! * **Transfer**: it writes the next generation's firmware into the other bank while it serves (`transfer`).
//! * **Commit**: it confirms the bank that runs, so that the controller does not go back at its next reset.
//!
//! The controller is not believed. A value that its sensor cannot have, or that another firmware shows than the one that is to
//! run, is not passed on: it ends the generation with an error ([`Failure`]), and so does a controller that has gone back to
//! another firmware. A controller that does not answer is asked again after a time, which passes with the calls of
//! [`Service::pump`] on heartbeats.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod bring_up;
mod client;
mod driver;
mod failure;
mod firmware;
mod line;
mod transfer;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use driver::{CLIENTS, Driver};
pub use failure::{Failure, reason};
pub use line::{CHUNK, Line};
pub use molt_service::{Code, Progress, Service, Transfer};

/// The device, or what the driver was given, is not as it has to be.
pub type Error<E> = molt_service::Error<Failure<E>>;
