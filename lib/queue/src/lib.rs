// SPDX-License-Identifier: BSD-2-Clause
//! The request queue between a VMM and a driver; it outlives both generations.
//!
//! One region of shared words per client and driver ([`layout`]). The [`Client`] (VMM) keeps a private
//! record of what it is owed, from which [`Client::resume`] writes the region anew for the next
//! generation, in submission order: the region itself may have been spoilt. The [`Server`] (driver)
//! starts with nothing and takes what it finds. Each side keeps its own indices; nothing that is read from
//! the region is believed, and what cannot be is a [`Violation`], reported and not repaired: after
//! it that side leaves the region alone until the next generation.
//!
//! Opening and closing is the gate's matter: a closed client touches nothing of the region, so that it
//! may be unmapped. Submitting to a closed client records the request; resume writes it.
//!
//! The order: requests are taken in submission order and may be completed in any. A flush is a
//! barrier of its client's requests: it is run after all before it are complete, and nothing after
//! it is run before it is complete. The server's user sees to that.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod client;
pub mod layout;
mod properties;
mod request;
mod server;
mod violation;

pub use client::{Client, SubmitError, Token};
pub use properties::Properties;
pub use request::{Malformed, Op, Request, SECTOR, SEGMENTS, Segment, Status};
pub use server::{NotTaken, Server, SlotId};
pub use violation::Violation;

#[cfg(test)]
mod tests;
