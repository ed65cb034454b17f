// SPDX-License-Identifier: BSD-2-Clause
//! The check of an image that comes piece by piece.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::{Digest, Header, PREFIX, Refusal, SIGNED};

/// The key whose signatures a controller accepts: a point of Ed25519 that is of no small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From an encoded point (RFC 8032, 5.1.2).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        // With a key of small order one signature is valid for many messages.
        (!key.is_weak()).then_some(Self(key))
    }
}

/// An image whose header was read, and whose payload is being read.
#[derive(Clone, Debug)]
pub struct Check {
    header: Header,
    signature: [u8; PREFIX - SIGNED],
    hash: Sha256,
    left: u32,
}

impl Check {
    /// Begins with the header and the signature.
    ///
    /// # Errors
    /// Those of [`Header::parse`].
    pub fn new(prefix: &[u8; PREFIX]) -> Result<Self, Refusal> {
        let mut signed = [0; SIGNED];
        signed.copy_from_slice(&prefix[..SIGNED]);
        let mut signature = [0; PREFIX - SIGNED];
        signature.copy_from_slice(&prefix[SIGNED..]);
        let header = Header::parse(&signed)?;
        Ok(Self {
            header,
            signature,
            hash: Sha256::new(),
            left: header.length,
        })
    }

    /// What the image says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the payload that were not given yet.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }

    /// The next bytes of the payload. Those behind its end do not belong to it.
    pub fn payload(&mut self, bytes: &[u8]) {
        let wanted = (self.left as usize).min(bytes.len());
        self.hash.update(&bytes[..wanted]);
        self.left -= wanted as u32;
    }

    /// The payload's end: whether its digest is the header's.
    ///
    /// # Errors
    /// [`Refusal::Length`] if it is not complete, [`Refusal::Payload`].
    pub fn whole(self) -> Result<Whole, Refusal> {
        if self.left != 0 {
            return Err(Refusal::Length);
        }
        if Digest(self.hash.finalize().into()) != self.header.payload {
            return Err(Refusal::Payload);
        }
        Ok(Whole {
            header: self.header,
            signature: self.signature,
        })
    }
}

/// An image that is complete. It may be signed by anybody.
#[derive(Clone, Debug)]
pub struct Whole {
    header: Header,
    signature: [u8; PREFIX - SIGNED],
}

impl Whole {
    /// Whether the key's owner has signed it. The signature is checked in the strict manner: none of small order is accepted.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn signed_by(&self, key: &PublicKey) -> Result<Header, Refusal> {
        let signature = Signature::from_bytes(&self.signature);
        let message = self.header.encode();
        match key.0.verify_strict(&message, &signature) {
            Ok(()) => Ok(self.header),
            Err(_) => Err(Refusal::Signature),
        }
    }
}
