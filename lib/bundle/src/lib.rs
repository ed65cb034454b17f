// SPDX-License-Identifier: BSD-2-Clause
//! The bundle that carries a driver, and what is checked before any of it runs.
//!
//! A header of 256 bytes ([`Header`], little endian) and, right behind it, an ELF file. The digests say that it arrived
//! whole, not who made it: there is no signature yet, and this crate is the one place where that will change.
//!
//! [`verify`] is meant for a *copy* that nobody else can write. [`pack`] is the host tool's side.
#![no_std]
#![forbid(unsafe_code)]

mod elf;
mod header;
mod note;
mod verify;

pub use elf::{Segment, Window, entry, segments};
pub use header::{HEADER_LENGTH, Header, Identity, MAGIC, VERSION, pack};
pub use note::configuration;
pub use verify::{Component, Verified, verify, verify_with_progress};

pub use molt_doorbell::Reason;
