// SPDX-License-Identifier: BSD-2-Clause
//! The envelope (draft-ietf-suit-manifest-37, 8.2) and whether it is authentic (8.3, 6.2).

use heapless::Vec;
use minicbor::data::Type;
use molt_doorbell::Reason;
use sha2::{Digest, Sha256};

use crate::cose::authenticate;
use crate::manifest::SuitDigest;
use crate::reader::{Reader, is_integer};
use crate::{Detail, Refusal, Roles, TrustedKey};

/// Most authentication blocks of an envelope.
pub const MAX_BLOCKS: usize = 4;
/// Most integrated payloads of an envelope.
pub const MAX_PAYLOADS: usize = 8;
/// SUIT_Envelope_Tagged.
const TAG: u64 = 107;
const AUTHENTICATION: i64 = 2;
const MANIFEST: i64 = 3;
/// Members that may be severed from the manifest: payload-fetch, install, text.
const SEVERABLE: [i64; 3] = [16, 20, 23];

/// The members of an envelope. They are not authenticated yet.
#[derive(Clone, Debug)]
pub struct Envelope<'b> {
    /// The encoded SUIT_Digest of the manifest: what is signed.
    pub digest: &'b [u8],
    /// The encoded authentication blocks.
    pub blocks: Vec<&'b [u8], MAX_BLOCKS>,
    /// The encoded manifest.
    pub manifest: &'b [u8],
    /// Integrated payloads with their keys.
    pub payloads: Vec<(&'b str, &'b [u8]), MAX_PAYLOADS>,
    /// Whether the envelope has tag 107.
    pub tagged: bool,
    /// Members of the envelope's map.
    pub members: u64,
    /// The encoding of everything after the authentication wrapper.
    pub rest: &'b [u8],
    /// The manifest as its digest covers it: with its byte string's head.
    wrapped: &'b [u8],
    /// Severed members with their byte string's head.
    severed: [Option<&'b [u8]>; SEVERABLE.len()],
    unknown: Option<i64>,
}

impl<'b> Envelope<'b> {
    /// Finds the members.
    ///
    /// # Errors
    /// [`Reason::Truncated`], [`Reason::NotABundle`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        // The tag is optional on the wire (SUIT_start of the draft's CDDL).
        let tag = reader.tag()?;
        if tag.is_some_and(|tag| tag != TAG) {
            return Err(Refusal::malformed("the tag is not 107"));
        }
        let members = reader.map()?;
        // It "MUST come before the suit-manifest element" (8.3), and nothing else has a smaller key.
        if members < 2 || reader.integer()? != AUTHENTICATION {
            return Err(Refusal::malformed(
                "it does not begin with suit-authentication-wrapper",
            ));
        }
        let (digest, blocks) = wrapper(reader.bytes()?)?;
        let rest = reader.rest();
        let mut envelope = Self {
            digest,
            blocks,
            manifest: &[],
            payloads: Vec::new(),
            tagged: tag.is_some(),
            members,
            rest,
            wrapped: &[],
            severed: [None; SEVERABLE.len()],
            unknown: None,
        };
        for _ in 1..members {
            envelope.member(&mut reader)?;
        }
        reader.end()?;
        if envelope.wrapped.is_empty() {
            return Err(Refusal::malformed("there is no manifest"));
        }
        Ok(envelope)
    }

    fn member(&mut self, reader: &mut Reader<'b>) -> Result<(), Refusal> {
        let kind = reader.kind()?;
        if kind == Type::String {
            let key = reader.text()?;
            let payload = reader.bytes()?;
            if self.payload(key).is_some() {
                return Err(Refusal::malformed("two integrated payloads have one key"));
            }
            return (self.payloads.push((key, payload)))
                .map_err(|_| Refusal::malformed("there are too many integrated payloads"));
        }
        if !is_integer(kind) {
            return Err(Refusal::malformed("a key is neither a number nor a text"));
        }
        let key = reader.integer()?;
        let start = reader.position();
        let place = SEVERABLE.iter().position(|member| *member == key);
        let twice = match (key, place.and_then(|index| self.severed.get_mut(index))) {
            (MANIFEST, _) => {
                let twice = !self.wrapped.is_empty();
                self.manifest = reader.bytes()?;
                self.wrapped = reader.since(start);
                twice
            }
            (_, Some(place)) => {
                reader.bytes()?;
                place.replace(reader.since(start)).is_some()
            }
            (AUTHENTICATION, _) => true,
            _ => {
                reader.skip()?;
                // It is refused by name, but only after the rest was authenticated.
                self.unknown = self.unknown.or(Some(key));
                false
            }
        };
        if twice {
            return Err(Refusal::malformed("a member stands there twice"));
        }
        Ok(())
    }

    /// The integrated payload with this key.
    #[must_use]
    pub fn payload(&self, key: &str) -> Option<&'b [u8]> {
        let mut payloads = self.payloads.iter();
        payloads
            .find(|(k, _)| *k == key)
            .map(|(_, payload)| *payload)
    }

    /// A severed member, with the head of its byte string: what its digest in the manifest covers (8.4.12).
    pub(crate) fn severed(&self, member: i64) -> Option<&'b [u8]> {
        let place = SEVERABLE.iter().position(|m| *m == member)?;
        self.severed.get(place).copied().flatten()
    }

    /// Members that the envelope has and [`Envelope::severed`] gives.
    pub(crate) fn severed_members(&self) -> impl Iterator<Item = i64> {
        let members = SEVERABLE.iter().zip(&self.severed);
        members
            .filter(|(_, value)| value.is_some())
            .map(|(key, _)| *key)
    }

    /// Checks the manifest's digest.
    ///
    /// # Errors
    /// [`Reason::ManifestDigest`]; [`Reason::UnsupportedAlgorithm`] if it is no SHA-256.
    pub fn check_digest(&self) -> Result<(), Refusal> {
        let wanted = SuitDigest::parse(self.digest)?.sha256()?;
        if Sha256::digest(self.wrapped).as_slice() == wanted {
            Ok(())
        } else {
            Err(Reason::ManifestDigest.into())
        }
    }

    /// Checks that the digest is right and that a key with the role `role` signed it. Returns the key's index.
    ///
    /// # Errors
    /// [`Reason::ManifestDigest`], [`Reason::NotSigned`], [`Reason::UnsupportedAlgorithm`], [`Reason::BadSignature`], and for
    /// a signature that is right by a key that is known: [`Reason::WrongRole`] and [`Reason::RevokedKey`].
    pub fn authenticate(&self, keys: &[TrustedKey], role: Roles) -> Result<usize, Refusal> {
        self.check_digest()?;
        authenticate(&self.blocks, self.digest, keys, role)
    }

    /// Checks that all members of the envelope are known.
    pub(crate) fn check_members(&self) -> Result<(), Refusal> {
        self.unknown.map_or(Ok(()), |key| {
            Err(Refusal::of(
                Reason::UnsupportedMember,
                Detail::Envelope(key),
            ))
        })
    }
}

/// SUIT_Authentication: the digest and the blocks.
fn wrapper(bytes: &[u8]) -> Result<(&[u8], Vec<&[u8], MAX_BLOCKS>), Refusal> {
    let (mut reader, count) = Reader::array_of(bytes)?;
    if count == 0 {
        return Err(Refusal::malformed("suit-authentication-wrapper is empty"));
    }
    let digest = reader.bytes()?;
    let mut blocks = Vec::new();
    for _ in 1..count {
        blocks
            .push(reader.bytes()?)
            .map_err(|_| Refusal::malformed("there are too many authentication blocks"))?;
    }
    reader.end()?;
    Ok((digest, blocks))
}
