// SPDX-License-Identifier: BSD-2-Clause
//! SUIT envelopes (draft-ietf-suit-manifest-37): who signed one, what its manifest asks for, and how one is made.
//!
//! The steps, each of which needs the one before:
//! 1. [`Envelope::parse`] finds the members of the envelope. Nothing in them is read yet.
//! 2. [`Envelope::authenticate`] holds the manifest against its digest and the digest against the signatures
//!    (COSE_Sign1, RFC 9052) of keys that are trusted for a role.
//! 3. [`Manifest::parse`] reads the manifest.
//! 4. [`scan`] looks whether all of it is understood, and [`process`] interprets its commands for components that the caller knows, and says what each would contain then.
//!    Nothing is changed: payloads are slices of the envelope.
//!
//! Everything is a slice of the caller's buffer, of which nobody else may be able to change a byte; there is no allocation,
//! and what is longer than the bounds here is refused. What is not understood is refused by name ([`Refusal`]).
#![no_std]
#![forbid(unsafe_code)]

mod command;
mod cose;
pub mod encode;
mod envelope;
mod key;
mod manifest;
pub mod names;
mod parameters;
mod process;
mod reader;
mod refusal;
mod scan;

pub use cose::{Algorithm, Sign1};
pub use envelope::{Envelope, MAX_BLOCKS, MAX_PAYLOADS};
pub use key::{PublicKey, Roles, TrustedKey};
pub use manifest::{COMPONENTS as MAX_COMPONENTS, Identifier, Manifest, Section, SuitDigest};
pub use process::{Content, Known, Processed, process};
pub use refusal::{Detail, Refusal};
pub use scan::scan;

pub use molt_doorbell::Reason;
