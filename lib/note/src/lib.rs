// SPDX-License-Identifier: BSD-2-Clause
//! The ELF note by which a program says which kernel configuration it was built for.
//!
//! Invocation labels and object sizes differ between a kernel's configurations, and a program that was built for another
//! one fails in ways that are hard to understand. So the crate `sel4` puts a [`Note`] with the digest of the
//! configuration's tables into every program, and whoever loads a program compares it (`molt_bundle::configuration`).
#![no_std]
#![forbid(unsafe_code)]

/// The owner of the note.
pub const NAME: [u8; 4] = *b"Molt";
/// The note's type among those of this owner.
pub const CONFIGURATION: u32 = 1;

/// SHA-256 of a configuration's tables.
pub type Digest = [u8; 32];

/// A note as it stands in a program (System V ABI, "Note Section": words of 4 bytes, padded to 4).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4))]
pub struct Note {
    name_size: u32,
    digest_size: u32,
    kind: u32,
    name: [u8; 8],
    digest: Digest,
}

impl Note {
    /// The note of a program that was built for this configuration.
    #[must_use]
    pub const fn new(digest: Digest) -> Self {
        let [a, b, c, d] = NAME;
        Self {
            // The terminating zero counts.
            name_size: 5,
            digest_size: 32,
            kind: CONFIGURATION,
            name: [a, b, c, d, 0, 0, 0, 0],
            digest,
        }
    }
}
