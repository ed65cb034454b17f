// SPDX-License-Identifier: BSD-2-Clause
//! An Ethernet switch: it decides which ports a frame goes to. A [`Switch`] decides and counts; it stores no frame.
//!
//! It learns which addresses are behind which port from the frames' source addresses (IEEE 802.1Q, 8.7). A frame for a
//! known address goes to that port only; a frame for an unknown or a group address goes to all other ports. A port may be
//! restricted to one address, and may be isolated: then it exchanges frames only with ports that are not isolated.
//!
//! No port can fill the table: each has a share of it, in which a new entry replaces the oldest one.
//!
//! # Where it runs, and why
//!
//! It runs in the driver's component, between the device and the clients. The table is lost in a swap: the next generation
//! learns anew, which costs each pair of ports one flooded frame, and frames between guests wait during the blackout like
//! those to the outside. As a protection domain of its own the switch would be a client of the driver and a server of the
//! guests. Each frame to the outside would then always take one more copy and two more context switches, and each update of
//! the driver would have one more gate to close. A blackout takes a fraction of a millisecond and is rare; frames are not.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod counters;
mod frame;
mod ports;
mod table;

mod switch;
#[cfg(test)]
mod tests;

pub use counters::{Counters, Dropped};
pub use frame::{HEADER, Header, Mac};
pub use ports::{PORTS, Ports};
pub use switch::{Port, Switch};
pub use table::{AGE, SHARE};
