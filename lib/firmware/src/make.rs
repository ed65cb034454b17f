// SPDX-License-Identifier: BSD-2-Clause
//! How an image is made, by the host.

use ed25519_dalek::{Signer, SigningKey};

use crate::{Digest, Header, PREFIX, SIGNED};

/// What goes into an image.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The version of the firmware.
    pub version: u32,
    /// The security counter of the release.
    pub counter: u32,
    /// The address to which the payload is copied; a multiple of 4.
    pub load: u32,
    /// The address of its vector table, within the payload; a multiple of 128.
    pub entry: u32,
    /// What is copied; below 4 GiB.
    pub payload: &'a [u8],
}

/// The bytes in front of the payload: the header and its signature with the key of this seed (RFC 8032, 5.1.5).
#[must_use]
pub fn prefix(content: &Content<'_>, seed: &[u8; 32]) -> [u8; PREFIX] {
    let header = Header {
        version: content.version,
        counter: content.counter,
        length: u32::try_from(content.payload.len()).unwrap_or(u32::MAX),
        load: content.load,
        entry: content.entry,
        payload: Digest::of(content.payload),
    };
    let signed = header.encode();
    let signature = SigningKey::from_bytes(seed).sign(&signed).to_bytes();
    let mut bytes = [0; PREFIX];
    bytes[..SIGNED].copy_from_slice(&signed);
    bytes[SIGNED..].copy_from_slice(&signature);
    bytes
}
