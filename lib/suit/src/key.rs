// SPDX-License-Identifier: BSD-2-Clause
//! Public keys and what they are trusted for.

use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature as P256Signature, VerifyingKey as P256Key};

use crate::Algorithm;

/// A public key whose point was checked: on the curve, and of no small order.
#[derive(Clone, Debug, PartialEq)]
pub enum PublicKey {
    /// A point of P-256 (secp256r1).
    P256(P256Key),
    /// A point of Ed25519.
    Ed25519(Ed25519Key),
}

impl PublicKey {
    /// From the coordinates of a point.
    #[must_use]
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let mut point = [4; 65];
        let (_, coordinates) = point.split_at_mut(1);
        let (to_x, to_y) = coordinates.split_at_mut(32);
        to_x.copy_from_slice(x);
        to_y.copy_from_slice(y);
        P256Key::from_sec1_bytes(&point).ok().map(Self::P256)
    }

    /// From an encoded point (RFC 8032, 5.1.2).
    #[must_use]
    pub fn ed25519(bytes: &[u8; 32]) -> Option<Self> {
        let key = Ed25519Key::from_bytes(bytes).ok()?;
        // With a key of small order one signature is valid for many messages.
        (!key.is_weak()).then_some(Self::Ed25519(key))
    }

    /// The form in which tables keep it: x and y, or the encoded point and zeros.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        match self {
            Self::P256(key) => {
                let point = key.to_sec1_point(false);
                if let Some((_, coordinates)) = point.as_bytes().split_first() {
                    bytes
                        .iter_mut()
                        .zip(coordinates)
                        .for_each(|(to, from)| *to = *from);
                }
            }
            Self::Ed25519(key) => {
                bytes
                    .iter_mut()
                    .zip(key.as_bytes())
                    .for_each(|(to, from)| *to = *from);
            }
        }
        bytes
    }

    /// Whether this key made `signature` over `message` by `algorithm`.
    ///
    /// ECDSA: r and s must be in 1..n; s may be in the upper half (RFC 9053 does not forbid it, and about half of the signatures
    /// of other tools have it there). A third party can turn one of the two valid signatures into the other, but gains nothing,
    /// because bundles are not distinguished by their signatures. Ed25519: RFC 8032 with the strict checks: s below the group's
    /// order, and neither the key nor R of small order.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        match (self, algorithm) {
            (Self::P256(key), Algorithm::Es256 | Algorithm::Esp256) => {
                P256Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            (Self::Ed25519(key), Algorithm::EdDsa | Algorithm::Ed25519) => {
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                key.verify_strict(message, &signature).is_ok()
            }
            _ => false,
        }
    }
}

/// What a key may sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(pub u32);

impl Roles {
    /// A driver.
    pub const DRIVER: Self = Self(1);
    /// A list of keys.
    pub const KEYS: Self = Self(2);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A key of a ring.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub roles: Roles,
    /// It may not sign anything any more. It stays in the ring, so that what it signed is refused with the right reason.
    pub revoked: bool,
}
