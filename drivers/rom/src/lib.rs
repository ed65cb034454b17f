// SPDX-License-Identifier: BSD-2-Clause
//! The driver of a ROM: content that clients read, in a NOR flash that the driver alone has, without an operating system in it.
//!
//! The flash holds two contents, one in each half ([`Halves`]), and says itself which one is in force. Clients do not read the
//! flash: a chip that is programmed does not answer with its content. They read a copy in memory, which is exchanged while
//! nobody has it (`molt-rom`).
//!
//! [`Driver`] is one generation:
//!
//! * **At the start** it looks which half holds the content that the generation was given, and copies it to the memory. If none
//!   does, it writes the half that is not in force first. Only then it is ready.
//! * **Transfer**: it writes the next generation's content into the half that it does not serve, reads it back, and writes
//!   the half's header last ([`Write`]). Its clients read the copy meanwhile.
//! * **Commit**: it checks the digest of what it serves in the flash and puts that half in force. Until then whoever
//!   reads the flash at a start finds the content from before.
//!
//! The flash is not believed: what is written is read back, and while nothing else is to be done the half that is served is
//! read again, a piece at each heartbeat. A difference ends the generation ([`Failure::Decayed`]).
#![no_std]
#![forbid(unsafe_code)]

mod driver;
mod failure;
mod halves;
mod header;
mod write;

pub use driver::Driver;
pub use failure::{Failure, reason};
pub use halves::{Check, Half, Halves};
pub use header::{Digest, Header};
pub use molt_service::{Code, Progress, Service, Transfer};
pub use write::{State, Write};
