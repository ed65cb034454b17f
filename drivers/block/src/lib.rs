// SPDX-License-Identifier: BSD-2-Clause
//! The part that the drivers of all disks have in common: several clients, each with a queue and a share of the disk.
//!
//! [`Driver::new`] takes a [`Device`]; [`Driver::attach`] adds a client; [`Service::ready`] tells when the device has started;
//! [`Service::pump`] takes requests of all clients in turn, as many as the device has room for, checks each against
//! its client's share and gives it to the device; [`Service::interrupt`] completes what the device has done. Data goes
//! between the device and the clients' memory; a driver never touches that memory.
//!
//! A device that misbehaves causes an [`Error`], after which only a reset helps: the generation has to end.
#![no_std]
#![forbid(unsafe_code)]

mod client;
mod device;
mod driver;
mod share;

pub use client::{Client, ClientId};
pub use device::{Command, Device, Limits, Piece, REQUESTS, Ring};
pub use driver::{CLIENTS, Driver};
pub use molt_service::Error;
pub use molt_service::{Code, Progress, Service};
pub use share::{Rejected, Share};
