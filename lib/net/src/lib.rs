// SPDX-License-Identifier: BSD-2-Clause
//! What the ring between client and driver carries for networks: a [`Packet`], its [`Answer`], and the network's
//! [`Properties`]; and what is to be done on a frame ([`Offload`]).
//!
//! Frames lie in the ring's region, behind the ring ([`Buffers`]): the client copies what its guest sends into it, so that the
//! guest cannot change a frame that was looked at, and out of it what its guest receives, since a frame's receiver is known only
//! when the frame is there. Each buffer holds a header ([`Offload`]) and a frame.
//!
//! # Over a change of generations
//!
//! A receive buffer is owed until it is answered, once, and the record of what is owed makes it the next generation's. A frame to be
//! sent is sent at most once: the client withdraws ([`molt_queue::Client::withdraw`]) what it is owed of them before the
//! next generation sees the ring, and counts it as dropped.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod buffers;
mod offload;
mod packet;
mod properties;

pub use buffers::{BUFFER, Buffers, get, put};
pub use offload::{HEADER, Offload};
pub use packet::{Answer, Malformed, Op, Packet};
pub use properties::{Mac, Properties};

/// The client's side of a network's queue.
pub type Client<'a> = molt_queue::Client<'a, Packet>;
/// The driver's side of a network's queue.
pub type Server<'a> = molt_queue::Server<'a, Packet>;

#[cfg(test)]
mod tests;
