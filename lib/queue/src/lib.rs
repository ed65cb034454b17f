// SPDX-License-Identifier: BSD-2-Clause
//! The queue between a client (for example a VMM) and a driver, for any class of device. It outlives the driver's
//! generations.
//!
//! There is one region of shared words for each client and driver ([`layout`]), with two rings of one producer and one
//! consumer each and 64 slots. A slot carries a [`Payload`], which each class of device defines. Requests are taken in
//! submission order and may be completed in any order.
//!
//! The [`Client`] keeps a private record of the requests that it is owed. From this record [`Client::resume`] writes the
//! region anew for the next generation, in submission order, because the old driver may have damaged the region. The
//! [`Server`] (the driver's side) starts without any state. Each side keeps its own indices and checks everything that it
//! reads from the region. A value that the protocol does not allow is a [`Violation`]: it is reported and not repaired, and
//! that side does not touch the region any more until the next generation.
//!
//! The gate (`molt-gate`) says when a client opens and closes its queue. A closed client touches nothing of the region, so
//! that it may be unmapped. A request that is submitted to a closed client is recorded, and `resume` writes it.
//!
//! # Notifications
//!
//! A side that finds nothing more ([`Client::poll`] or [`Server::take`] returned `None`) writes the index up to which it
//! has looked, and wants to be notified when the other side goes beyond it; a side that is busy is not notified. (virtio's
//! event index is the same idea.) [`Client::must_notify`] and [`Server::must_notify`] return whether that is due. A wrong
//! index delays only the side that wrote it. After `resume` the driver is notified in any case.
#![no_std]
#![forbid(unsafe_code)]

mod client;
pub mod layout;
mod payload;
mod server;
mod violation;

pub use client::{Client, SubmitError, Token};
pub use payload::{PROPERTIES_WORDS, Payload};
pub use server::{NotTaken, Server, SlotId};
pub use violation::Violation;
