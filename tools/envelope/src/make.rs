// SPDX-License-Identifier: BSD-2-Clause
//! Makes and signs envelopes.

use minicbor::Encoder;
use molt_bundle::{
    DRIVER, DRIVER_PAYLOAD, FIRMWARE, FIRMWARE_PAYLOAD, GUEST, GUEST_PAYLOAD, Identity,
};
use molt_suit::encode::{self, Part};
use molt_suit::{Algorithm, Envelope, Refusal, Sign1};
use sha2::{Digest, Sha256};

use crate::{KeyError, PrivateKey};

/// Why an envelope cannot be made or signed.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is none.
    #[error("{0}")]
    Refused(Refusal),
    /// The key does not fit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A name is too long, or there are more signatures than an envelope may have.
    #[error(
        "a name is too long, or the envelope has {} signatures already",
        molt_suit::MAX_BLOCKS
    )]
    TooLarge,
}

/// The parts of a bundle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bundle<'a> {
    /// The device's class.
    pub class: &'a str,
    /// For what.
    pub identity: Identity,
    /// Sequence number.
    pub sequence: u64,
    /// The driver's ELF.
    pub driver: &'a [u8],
    /// The firmware of the device.
    pub firmware: Option<&'a [u8]>,
    /// The guest's part.
    pub guest: Option<&'a [u8]>,
    /// A version and a description for people, in English.
    pub text: Option<(&'a str, &'a str)>,
    /// What it brings for other components.
    pub others: &'a [Member<'a>],
}

/// What a bundle brings for a component beside the first one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Member<'a> {
    /// The device's class: another one than that of each other component.
    pub class: &'a str,
    /// For what.
    pub identity: Identity,
    /// The driver's ELF.
    pub driver: &'a [u8],
    /// The firmware of the device.
    pub firmware: Option<&'a [u8]>,
}

impl Bundle<'_> {
    /// The unsigned envelope.
    ///
    /// # Errors
    /// When a name is too long.
    pub fn envelope(&self) -> Result<Vec<u8>, EnvelopeError> {
        let first = Member {
            class: self.class,
            identity: self.identity,
            driver: self.driver,
            firmware: self.firmware,
        };
        let driver = [DRIVER, self.class.as_bytes()];
        let mut wanted = vec![(DRIVER, first, DRIVER_PAYLOAD.to_owned(), first.driver)];
        let guest = self.guest.map(|payload| (GUEST, GUEST_PAYLOAD, payload));
        let firmware = self
            .firmware
            .map(|payload| (FIRMWARE, FIRMWARE_PAYLOAD, payload));
        for (what, key, payload) in guest.into_iter().chain(firmware) {
            wanted.push((what, first, key.to_owned(), payload));
        }
        for other in self.others {
            let key = |key: &str| format!("{key}-{}", other.class);
            wanted.push((DRIVER, *other, key(DRIVER_PAYLOAD), other.driver));
            if let Some(payload) = other.firmware {
                wanted.push((FIRMWARE, *other, key(FIRMWARE_PAYLOAD), payload));
            }
        }
        let identifiers: Vec<_> = (wanted.iter())
            .map(|(what, of, ..)| [*what, of.class.as_bytes()])
            .collect();
        let parts: Vec<_> = (wanted.iter().zip(&identifiers))
            .map(|((_, of, key, payload), identifier)| of.part(identifier, key, payload))
            .collect();
        let mut payloads: Vec<_> = (wanted.iter())
            .map(|(_, _, key, payload)| (key.as_str(), *payload))
            .collect();
        // In the map the shorter key comes first (RFC 8949, 4.2.1).
        payloads.sort_by_key(|(key, _)| (key.len(), *key));
        let text = self
            .text
            .map(|(version, about)| text(&driver, version, about));
        let digest = text.as_deref().and_then(encode::wrapped);
        let large = EnvelopeError::TooLarge;
        let manifest = encode::manifest(self.sequence, &parts, digest).ok_or(large)?;
        envelope(&manifest, text.as_deref(), &payloads).ok_or(EnvelopeError::TooLarge)
    }
}

impl Member<'_> {
    fn part<'a>(&self, identifier: &'a [&'a [u8]], uri: &'a str, payload: &[u8]) -> Part<'a> {
        Part {
            identifier,
            vendor: self.identity.vendor,
            class: self.identity.class,
            device: self.identity.device,
            uri,
            digest: Sha256::digest(payload).into(),
            size: payload.len() as u64,
        }
    }
}

/// An unsigned envelope with a manifest.
pub(crate) fn envelope(
    manifest: &[u8],
    text: Option<&[u8]>,
    payloads: &[(&str, &[u8])],
) -> Option<Vec<u8>> {
    let members = 2 + u64::from(text.is_some()) + payloads.len() as u64;
    let mut out = encode::begin(members, &encode::digest(manifest)?, &[], true)?.to_vec();
    out.extend(encode::member(3, manifest.len())?);
    out.extend(manifest);
    if let Some(text) = text {
        out.extend(encode::member(23, text.len())?);
        out.extend(text);
    }
    for (key, payload) in payloads {
        out.extend(encode::payload(key, payload.len())?);
        out.extend(*payload);
    }
    Some(out)
}

/// Adds a signature to an envelope; the others stay.
///
/// # Errors
/// When it is no envelope, its digest is wrong ("Signers MUST verify the SUIT_Digest", 8.3), or the algorithm is not the key's.
pub fn sign(
    envelope: &[u8],
    key: &PrivateKey,
    algorithm: Algorithm,
) -> Result<Vec<u8>, EnvelopeError> {
    let parsed = Envelope::parse(envelope).map_err(EnvelopeError::Refused)?;
    parsed.check_digest().map_err(EnvelopeError::Refused)?;
    let message = Sign1::message(algorithm, parsed.digest).ok_or(EnvelopeError::TooLarge)?;
    let signature = key.sign(algorithm, &message)?;
    let block = encode::sign1(algorithm, parsed.digest, |_| signature);
    let block = block.ok_or(EnvelopeError::TooLarge)?;
    let mut blocks = parsed.blocks.clone();
    blocks.push(&block).map_err(|_| EnvelopeError::TooLarge)?;
    let begin = encode::begin(parsed.members, parsed.digest, &blocks, parsed.tagged);
    let mut out = begin.ok_or(EnvelopeError::TooLarge)?.to_vec();
    out.extend(parsed.rest);
    Ok(out)
}

/// suit-text (8.4.4).
fn text(identifier: &[&[u8]], version: &str, about: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut e = Encoder::new(&mut out);
    // Writing to a vector does not fail.
    let _ = (e.map(1))
        .and_then(|e| {
            e.str("en")?
                .map(2)?
                .u8(1)?
                .str(about)?
                .array(identifier.len() as u64)
        })
        .and_then(|e| identifier.iter().try_fold(e, |e, part| e.bytes(part)))
        .and_then(|e| e.map(1)?.u8(6)?.str(version));
    out
}
