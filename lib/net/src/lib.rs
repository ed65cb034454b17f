// SPDX-License-Identifier: BSD-2-Clause
//! The payload of the queue (`molt-queue`) for networks: a [`Packet`], its [`Answer`], the network's [`Properties`], and the
//! work that is left to be done on a frame ([`Offload`]), or that is done here ([`Segments`]).
//!
//! Frames are in the queue's region, behind the queue itself ([`Buffers`]). The client copies what its guest sends into a
//! buffer, so that the guest cannot change a frame after it was checked. It copies what its guest receives out of a
//! buffer, because the receiver of a frame is known only when the frame has arrived. Each buffer holds a header
//! ([`Offload`]) and a frame. A region of 2 MiB has 15 buffers for each direction, one of 4 MiB has 31.
//!
//! # At a change of generations
//!
//! A receive buffer stays owed until it is answered, so the next generation gets it from the client's record. A frame that
//! is to be sent is sent at most once: before the next generation sees the queue, the client withdraws the frames that
//! were not answered ([`molt_queue::Client::withdraw`]) and counts them as dropped.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod buffers;
mod checksum;
mod offload;
mod packet;
mod properties;
mod segments;

pub use buffers::{BUFFER, Buffers};
pub use checksum::Sum;
pub use molt_shared::{copy, get, put};
pub use offload::{HEADER, Offload};
pub use packet::{Answer, Malformed, Op, Packet};
pub use properties::{Mac, Properties};
pub use segments::{HEADERS, LONGEST, Segments};

/// The client's side of a network's queue.
pub type Client<'a> = molt_queue::Client<'a, Packet>;
/// The driver's side of a network's queue.
pub type Server<'a> = molt_queue::Server<'a, Packet>;

#[cfg(test)]
mod tests;
