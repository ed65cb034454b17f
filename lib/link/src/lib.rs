// SPDX-License-Identifier: BSD-2-Clause
//! The protocol between a host and a controller over a serial line.
//!
//! The host asks and the controller answers. A message is a frame of its own ([`frame`]): framed by COBS, with a CRC-32 and the
//! sequence number of the request. Up to [`WINDOW`] requests are under way at a time, and are answered in any order, so that
//! sensors are read while an image is transferred.
//!
//! **A line may lose, garble, repeat and cut off bytes**, and does not change their order. A controller that receives a broken
//! frame says so (NAK), and the host sends again what was not answered; it does so too after a time ([`Timing::retry`]), and
//! gives up after another one ([`Timing::limit`]), so that each request ends. A request may thus be carried out twice: each
//! is such that the second time changes nothing ([`Request`]).
//!
//! Both ends are state machines without input, output or a clock: [`Host`] and [`Device`]. Times are in milliseconds from any
//! start, and never go back.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod device;
pub mod frame;
mod host;
mod message;
pub mod sensor;

pub use device::{Device, Id, Received};
pub use host::{Broken, Full, Host, Ticket, Timing, WINDOW};
pub use message::{Answer, Bank, DATA, Identity, Request, State};
pub use sensor::Sensor;
