// SPDX-License-Identifier: BSD-2-Clause
//! The bundle that carries a driver, and what is checked before any of it runs.
//!
//! A bundle is a SUIT envelope (`molt-suit`) with a driver's ELF as an integrated payload, or with the drivers of several components. [`verify`] decides whether it may
//! run: it checks who signed it, that it is newer than the committed one, its manifest, and its ELF. The caller has to
//! pass a *copy* that nobody else can write. docs/bundles.md describes the format and the order of the checks.
#![no_std]
#![forbid(unsafe_code)]

mod elf;
mod identity;
mod keys;
mod note;
mod verify;

pub use elf::{Machine, Segment, Window, entry, segments};
pub use identity::{
    DRIVER, DRIVER_PAYLOAD, FIRMWARE, FIRMWARE_PAYLOAD, GUEST, GUEST_PAYLOAD, Identity,
};
pub use keys::{Keys, verify_keys};
pub use note::configuration;
pub use verify::{Component, MAX_OTHERS, Other, Trust, Verified, verify, verify_with_progress};

pub use molt_suit::{Reason, Refusal};
