// SPDX-License-Identifier: BSD-2-Clause
//! COSE_Sign1 (RFC 9052, 4.2 to 4.4) over a detached payload.

use heapless::Vec;
use minicbor::Encoder;
use molt_doorbell::Reason;

use crate::reader::Reader;
use crate::{Detail, PublicKey, Refusal, Roles, TrustedKey};

/// Bytes of a protected header at most.
const HEADER: usize = 128;
/// Bytes of a Sig_structure at most: its context, a header and a SUIT_Digest.
pub const TO_BE_SIGNED: usize = 256;
/// Header parameters (RFC 9052, 3.1).
const ALGORITHM: i64 = 1;
const CRITICAL: i64 = 2;

/// A signature's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with SHA-256, here always over P-256.
    Es256,
    /// The same, fully specified (RFC 9864).
    Esp256,
    /// EdDSA, here always over Ed25519.
    EdDsa,
    /// The same, fully specified (RFC 9864).
    Ed25519,
}

impl Algorithm {
    /// Its number in the registry of COSE algorithms.
    #[must_use]
    pub const fn number(self) -> i8 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Esp256 => -9,
            Self::Ed25519 => -19,
        }
    }

    fn of(number: i64) -> Option<Self> {
        let all = [Self::Es256, Self::Esp256, Self::EdDsa, Self::Ed25519];
        all.into_iter().find(|a| i64::from(a.number()) == number)
    }
}

/// An authentication block.
pub(crate) enum Block<'b> {
    /// A signature.
    Sign1(Sign1<'b>),
    /// A well-formed block of a kind that is not trusted here.
    Other(Refusal),
}

/// A signature whose protected header was read.
#[derive(Clone, Copy, Debug)]
pub struct Sign1<'b> {
    /// Its algorithm.
    pub algorithm: Algorithm,
    protected: &'b [u8],
    signature: &'b [u8; 64],
}

impl<'b> Block<'b> {
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        let other = match reader.tag()? {
            Some(18) => None,
            Some(17 | 97) => Some("COSE_Mac: only signatures are trusted"),
            Some(98) => Some("COSE_Sign: only COSE_Sign1 is supported"),
            _ => {
                return Err(Refusal::malformed(
                    "an authentication block is no COSE structure",
                ));
            }
        };
        if let Some(text) = other {
            reader.skip()?;
            reader.end()?;
            return Ok(Self::Other(Refusal::text(
                Reason::UnsupportedAlgorithm,
                text,
            )));
        }
        if reader.array()? != 4 {
            return Err(Refusal::malformed("a COSE_Sign1 has four elements"));
        }
        let protected = reader.bytes()?;
        for _ in 0..reader.map()? {
            // An algorithm outside the protected header could be replaced by an attacker (RFC 9052, 3.1).
            let integer = crate::reader::is_integer(reader.kind()?);
            if integer && matches!(reader.integer()?, ALGORITHM | CRITICAL) {
                return Err(Refusal::malformed("the algorithm is not protected"));
            }
            if !integer {
                reader.skip()?;
            }
            reader.skip()?;
        }
        (reader.null())
            .map_err(|_| Refusal::malformed("the COSE_Sign1's payload is not detached"))?;
        let signature = reader.bytes()?;
        reader.end()?;
        let number = header(protected)?;
        let Some(algorithm) = Algorithm::of(number) else {
            return Ok(Self::Other(Refusal::of(
                Reason::UnsupportedAlgorithm,
                Detail::Algorithm(number),
            )));
        };
        let signature = signature.try_into().map_err(|_| {
            Refusal::text(
                Reason::BadSignature,
                "a signature has 64 bytes with these algorithms",
            )
        })?;
        Ok(Self::Sign1(Sign1 {
            algorithm,
            protected,
            signature,
        }))
    }
}

impl Sign1<'_> {
    /// The bytes that a key signs for a signature over `payload`, with a protected header that has only the algorithm.
    #[must_use]
    pub fn message(algorithm: Algorithm, payload: &[u8]) -> Option<Vec<u8, TO_BE_SIGNED>> {
        to_be_signed(&protected(algorithm), payload)
    }

    /// Whether `key` made this signature over `payload`.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, payload: &[u8]) -> bool {
        to_be_signed(self.protected, payload)
            .is_some_and(|message| key.verify(self.algorithm, &message, self.signature))
    }
}

/// Finds a block with a signature over `payload` by a key with the role `role`. Returns the key's index.
///
/// A right signature by a key that is known, and may not sign this, is reported rather than a wrong signature.
pub(crate) fn authenticate(
    blocks: &[&[u8]],
    payload: &[u8],
    keys: &[TrustedKey],
    role: Roles,
) -> Result<usize, Refusal> {
    let known = |reason| matches!(reason, Reason::RevokedKey | Reason::WrongRole);
    let mut nearest = Refusal::new(Reason::NotSigned);
    for block in blocks {
        match Block::parse(block)? {
            Block::Other(refusal) => {
                if nearest.reason == Reason::NotSigned {
                    nearest = refusal;
                }
            }
            Block::Sign1(signature) => match signer(&signature, payload, keys, role) {
                Ok(index) => return Ok(index),
                Err(reason) if known(nearest.reason) && reason == Reason::BadSignature => {}
                Err(reason) => nearest = reason.into(),
            },
        }
    }
    Err(nearest)
}

fn signer(
    signature: &Sign1<'_>,
    payload: &[u8],
    keys: &[TrustedKey],
    role: Roles,
) -> Result<usize, Reason> {
    let mut nearest = Reason::BadSignature;
    for (index, trusted) in keys.iter().enumerate() {
        if signature.verify(&trusted.key, payload) {
            if trusted.revoked {
                nearest = Reason::RevokedKey;
            } else if !trusted.roles.contains(role) {
                nearest = Reason::WrongRole;
            } else {
                return Ok(index);
            }
        }
    }
    Err(nearest)
}

/// The algorithm of a protected header. Other parameters are allowed, as long as none of them is critical.
fn header(bytes: &[u8]) -> Result<i64, Refusal> {
    if bytes.len() > HEADER {
        return Err(Refusal::malformed("a protected header is too long"));
    }
    let mut reader = Reader::new(bytes);
    let mut algorithm = None;
    for _ in 0..reader.map()? {
        if !crate::reader::is_integer(reader.kind()?) {
            reader.skip()?;
            reader.skip()?;
            continue;
        }
        match reader.integer()? {
            ALGORITHM if algorithm.is_some() => {
                return Err(Refusal::malformed("a protected header has two algorithms"));
            }
            ALGORITHM => algorithm = Some(reader.integer()?),
            CRITICAL => {
                return Err(Refusal::malformed(
                    "a protected header has critical parameters",
                ));
            }
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    algorithm.ok_or(Refusal::malformed("a protected header has no algorithm"))
}

/// The protected header that names an algorithm and nothing else.
#[must_use]
pub(crate) fn protected(algorithm: Algorithm) -> Vec<u8, 8> {
    let mut bytes = Vec::new();
    // There is enough room: a map's head, a key, and a number of at most two bytes.
    let mut encoder = Encoder::new(Sink(&mut bytes));
    let _ = encoder
        .map(1)
        .and_then(|e| e.u8(1))
        .and_then(|e| e.i8(algorithm.number()));
    bytes
}

/// Sig_structure (RFC 9052, 4.4). `None` if it is longer than any that this crate accepts.
#[must_use]
pub(crate) fn to_be_signed(protected: &[u8], payload: &[u8]) -> Option<Vec<u8, TO_BE_SIGNED>> {
    let mut message = Vec::new();
    let mut encoder = Encoder::new(Sink(&mut message));
    encoder
        .array(4)
        .and_then(|e| e.str("Signature1"))
        .and_then(|e| e.bytes(protected))
        .and_then(|e| e.bytes(&[]))
        .and_then(|e| e.bytes(payload))
        .ok()?;
    Some(message)
}

/// A buffer of fixed room as minicbor writes to it.
pub(crate) struct Sink<'a, const N: usize>(pub &'a mut Vec<u8, N>);

impl<const N: usize> minicbor::encode::Write for Sink<'_, N> {
    type Error = heapless::CapacityError;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.extend_from_slice(bytes)
    }
}
