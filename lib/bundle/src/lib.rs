// SPDX-License-Identifier: BSD-2-Clause
//! The bundle that carries a driver, and what is checked before any of it runs.
//!
//! A bundle is a SUIT envelope (`molt-suit`) with a driver's ELF as an integrated payload. [`verify`] decides whether it may
//! run: who signed it, whether it is newer than what runs, what its manifest says, and what kind of ELF it is. It is meant
//! for a *copy* that nobody else can write.
#![no_std]
#![forbid(unsafe_code)]

mod elf;
mod identity;
mod note;
mod verify;

pub use elf::{Segment, Window, entry, segments};
pub use identity::{DRIVER, DRIVER_PAYLOAD, GUEST, GUEST_PAYLOAD, Identity};
pub use note::configuration;
pub use verify::{Component, Trust, Verified, verify, verify_with_progress};

pub use molt_suit::{Reason, Refusal};
