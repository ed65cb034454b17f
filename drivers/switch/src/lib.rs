// SPDX-License-Identifier: BSD-2-Clause
//! Which ports an Ethernet frame goes to. A [`Switch`] decides and counts; it holds no frame.
//!
//! It learns which addresses are behind which port from the frames' sources (IEEE 802.1Q, 8.7), sends a frame for a known
//! address to that port only, and one for an unknown address or for several to all others. A port may be held to
//! one address, and may be isolated: it then exchanges frames with the ports that are not isolated only.
//!
//! No port can fill the table: each has a share of it, in which its oldest entry makes room for a new one.
//!
//! # Where it runs, and why
//!
//! In the driver's component, between its device and its clients. A swap takes the switch's table with it: the next
//! generation learns anew, which costs each pair of ports one flooded frame, and frames between guests wait
//! for the blackout as those to the outside do. As a protection domain of its own it would be a client of the driver and a server
//! of the guests: each frame to the outside would take one more copy and two more context switches, always, and
//! each update of the driver would have a gate more to close. The blackout is a fraction of a millisecond and rare; frames are not.
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
