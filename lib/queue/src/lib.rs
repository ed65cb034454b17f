// SPDX-License-Identifier: BSD-2-Clause
//! The ring between a client (a VMM) and a driver; it outlives both generations and knows no class of device.
//!
//! One region of shared words per client and driver ([`layout`]). What a slot carries is a [`Payload`]. The [`Client`]
//! keeps a private record of what it is owed, from which [`Client::resume`] writes the region anew for the next
//! generation, in submission order: the region itself may have been spoilt. The [`Server`] (driver)
//! starts with nothing and takes what it finds. Each side keeps its own indices; nothing that is read from
//! the region is believed, and what cannot be is a [`Violation`], reported and not repaired: after
//! it that side leaves the region alone until the next generation.
//!
//! Opening and closing is the gate's matter: a closed client touches nothing of the region, so that it
//! may be unmapped. Submitting to a closed client records the request; resume writes it.
//!
//! Notifications: a side that has found nothing more ([`Client::poll`] or [`Server::take`] returned `None`) says in the
//! region from which index on it is to be notified; [`Client::must_notify`] and [`Server::must_notify`] tell the other side whether
//! its last work reached that index. What stands there is only the other side's wish: a false one delays its own work.
//!
//! Requests are taken in submission order and may be completed in any.
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
