// SPDX-License-Identifier: BSD-2-Clause
//! The payload of the queue (`molt-queue`) for disks: a [`Request`], its [`Status`], and the disk's [`Properties`].
//!
//! A flush is a barrier among its client's requests: it starts when all requests before it are complete, and no request
//! after it starts before it is complete. The queue does not enforce this order; the driver behind the server does.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod payload;
mod properties;
mod request;

pub use molt_queue::{NotTaken, SlotId, Token, Violation};
pub use properties::Properties;
pub use request::{Malformed, OWN, Op, Request, SECTOR, SEGMENTS, Segment, Status};

/// The ring's layout, as far as it is not the same for every class.
pub mod layout {
    pub use molt_queue::layout::*;

    use crate::Request;

    /// The whole layout in words.
    pub const WORDS: usize = words::<Request>();
}

/// The client's side of a disk's queue.
pub type Client<'a> = molt_queue::Client<'a, Request>;
/// The driver's side of a disk's queue.
pub type Server<'a> = molt_queue::Server<'a, Request>;
/// Why a request was not submitted.
pub type SubmitError = molt_queue::SubmitError<Malformed>;

#[cfg(test)]
mod tests;
