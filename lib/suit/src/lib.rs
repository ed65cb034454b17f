// SPDX-License-Identifier: BSD-2-Clause
//! SUIT envelopes (draft-ietf-suit-manifest-37): authenticates and interprets them, and makes them.
//!
//! The steps, each of which needs the one before:
//! 1. [`Envelope::parse`] finds the members of the envelope. Nothing in them is read yet.
//! 2. [`Envelope::authenticate`] checks the manifest's digest, and the signatures over the digest (COSE_Sign1, RFC 9052) by
//!    keys that are trusted for a role.
//! 3. [`Manifest::parse`] reads the manifest.
//! 4. [`scan`] checks that everything in it is supported. [`process`] interprets its commands for the components that the
//!    caller knows, and returns what each would contain. Nothing is changed: payloads are slices of the envelope.
//!
//! All results are slices of the caller's buffer, which nobody else may be able to change. There is no allocation, and what
//! exceeds the limits of this crate is refused. What is not supported is refused by name ([`Refusal`]).
#![no_std]
#![forbid(unsafe_code)]

mod command;
mod cose;
pub mod encode;
mod envelope;
mod key;
pub mod keylist;
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

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

/// The SHA-256 digest of its manifest that an envelope has in its authentication wrapper. It was not compared with the manifest, and
/// nobody's signature over it was checked.
#[must_use]
pub fn claimed_digest(envelope: &[u8]) -> Option<[u8; 32]> {
    let envelope = Envelope::parse(envelope).ok()?;
    let digest = SuitDigest::parse(envelope.digest).ok()?.sha256().ok()?;
    Some(*digest)
}
