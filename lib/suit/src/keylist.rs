// SPDX-License-Identifier: BSD-2-Clause
//! Lists of keys: which keys may sign for a component from now on, and which are revoked.
//!
//! ```text
//! list = [ "molt-key-list", [ + bstr .cbor COSE_Sign1 ], bstr .cbor body ]
//! body = { 1: sequence number, 2: vendor identifier, 3: class identifier, 4: [ * key ], 5: frozen }
//! key  = [ kind (1 P-256, 2 Ed25519), point (64 bytes, as in `PublicKey::to_bytes`), roles, revoked ]
//! ```
//!
//! What is signed (detached, RFC 9052) is `[ "molt-key-list", SHA-256 of the body ]`, so that no signature over a manifest is one
//! over a list. The signer has to be a key of the image's ring with the role [`Roles::KEYS`] that the list in force does not
//! revoke. So lists exchange the keys for drivers and revoke any key, and the keys that sign lists are only ever those of the image,
//! without those that are revoked: a list can be checked at each start with nothing but the image.
//!
//! Nothing is allocated; a list has at most [`MAX_KEYS`] keys.

use heapless::Vec;
use minicbor::Encoder;
use molt_doorbell::Reason;
use sha2::{Digest, Sha256};

use crate::cose::{Sink, authenticate};
use crate::envelope::MAX_BLOCKS;
use crate::reader::Reader;
use crate::{PublicKey, Refusal, Roles, TrustedKey};

/// Most keys of a list.
pub const MAX_KEYS: usize = 8;
/// Most keys of a ring: those of a list and those of an image.
pub const MAX_RING: usize = 16;
/// Bytes of a list at most.
pub const MAX_LIST: usize = 2048;
/// The first element.
const NAME: &str = "molt-key-list";
/// The kinds of keys.
const P256: u64 = 1;
const ED25519: u64 = 2;

/// A ring: the keys in force.
pub type Ring = Vec<TrustedKey, MAX_RING>;

/// What a list says.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyList {
    /// Its sequence number: one that is not above that of the list in force is refused.
    pub sequence: u64,
    /// The vendor and class identifiers of the component that it is for.
    pub vendor: [u8; 16],
    /// See `vendor`.
    pub class: [u8; 16],
    /// The keys.
    pub keys: Vec<TrustedKey, MAX_KEYS>,
    /// No bundle is accepted until the next list.
    pub frozen: bool,
}

/// A list that was found in bytes, and is not authenticated yet.
#[derive(Clone, Debug)]
pub struct SignedList<'b> {
    blocks: Vec<&'b [u8], MAX_BLOCKS>,
    body: &'b [u8],
}

impl<'b> SignedList<'b> {
    /// Whether the bytes are meant to be a list, and not an envelope.
    #[must_use]
    pub fn is_meant(bytes: &[u8]) -> bool {
        let mut reader = Reader::new(bytes);
        reader.array().is_ok() && reader.text() == Ok(NAME)
    }

    /// Finds its parts.
    ///
    /// # Errors
    /// [`Reason::Truncated`], [`Reason::NotABundle`], [`Reason::TooLarge`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_LIST {
            return Err(Reason::TooLarge.into());
        }
        let mut reader = Reader::new(bytes);
        if reader.array()? != 3 || reader.text()? != NAME {
            return Err(Refusal::malformed("it is no list of keys"));
        }
        let mut blocks = Vec::new();
        for _ in 0..reader.array()? {
            (blocks.push(reader.bytes()?))
                .map_err(|_| Refusal::malformed("there are too many authentication blocks"))?;
        }
        let body = reader.bytes()?;
        reader.end()?;
        Ok(Self { blocks, body })
    }

    /// Checks that a key of `image` with the role [`Roles::KEYS`], which the list in force does not revoke, signed it, and reads it.
    ///
    /// # Errors
    /// Those of [`crate::Envelope::authenticate`]; what is wrong with the content.
    pub fn authenticate(
        &self,
        image: &[TrustedKey],
        in_force: Option<&KeyList>,
    ) -> Result<KeyList, Refusal> {
        let keys = signers(image, in_force);
        authenticate(&self.blocks, &signed(self.body)?, &keys, Roles::KEYS)?;
        KeyList::read(self.body)
    }
}

impl KeyList {
    /// The ring that is in force with this list: the image's keys that sign lists, and the list's own.
    #[must_use]
    pub fn ring(&self, image: &[TrustedKey]) -> Ring {
        let mut ring: Ring = self.keys.iter().cloned().collect();
        let roots = image.iter().filter(|k| k.roles.contains(Roles::KEYS));
        for root in roots {
            let listed = ring.iter().any(|k| k.key == root.key);
            if !listed {
                // There is room: both have at most half of it.
                let key = TrustedKey {
                    roles: Roles::KEYS,
                    ..root.clone()
                };
                let _ = ring.push(key);
            }
        }
        ring
    }

    /// Whether a key is listed as revoked.
    fn revokes(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|k| k.revoked && k.key == *key)
    }

    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(body);
        let wrong = || Refusal::malformed("a list of keys has other members");
        let number = |reader: &mut Reader<'_>, key| match reader.unsigned() {
            Ok(found) if found == key => Ok(()),
            Ok(_) => Err(wrong()),
            Err(refusal) => Err(refusal),
        };
        if reader.map()? != 5 {
            return Err(wrong());
        }
        number(&mut reader, 1)?;
        let sequence = reader.unsigned()?;
        number(&mut reader, 2)?;
        let vendor = reader.bytes()?.try_into().map_err(|_| wrong())?;
        number(&mut reader, 3)?;
        let class = reader.bytes()?.try_into().map_err(|_| wrong())?;
        number(&mut reader, 4)?;
        let mut keys = Vec::new();
        for _ in 0..reader.array()? {
            let key = key(&mut reader)?;
            let twice = keys.iter().any(|k: &TrustedKey| k.key == key.key);
            if twice || keys.push(key).is_err() {
                return Err(Refusal::malformed(
                    "a key is listed twice, or there are too many",
                ));
            }
        }
        number(&mut reader, 5)?;
        let frozen = reader.boolean()?;
        reader.end()?;
        Ok(Self {
            sequence,
            vendor,
            class,
            keys,
            frozen,
        })
    }

    /// The unsigned body.
    #[must_use]
    pub fn body(&self) -> Option<Vec<u8, MAX_LIST>> {
        let mut out = Vec::new();
        let mut e = Encoder::new(Sink(&mut out));
        (|| {
            e.map(5)?.u8(1)?.u64(self.sequence)?;
            e.u8(2)?.bytes(&self.vendor)?.u8(3)?.bytes(&self.class)?;
            e.u8(4)?.array(self.keys.len() as u64)?;
            for key in &self.keys {
                let kind = match key.key {
                    PublicKey::P256(_) => P256,
                    PublicKey::Ed25519(_) => ED25519,
                };
                e.array(4)?.u64(kind)?.bytes(&key.key.to_bytes())?;
                e.u32(key.roles.0)?.bool(key.revoked)?;
            }
            e.u8(5)?.bool(self.frozen)?;
            Ok::<_, minicbor::encode::Error<heapless::CapacityError>>(())
        })()
        .ok()?;
        Some(out)
    }
}

/// A list of a body and its signatures, each as [`crate::encode::sign1`] makes it over [`signed`].
#[must_use]
pub fn list(body: &[u8], blocks: &[&[u8]]) -> Option<Vec<u8, MAX_LIST>> {
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.array(3).ok()?.str(NAME).ok()?;
    e.array(blocks.len() as u64).ok()?;
    for block in blocks {
        e.bytes(block).ok()?;
    }
    e.bytes(body).ok()?;
    Some(out)
}

/// What is signed of a list with this body.
///
/// # Errors
/// None: there is enough room.
pub fn signed(body: &[u8]) -> Result<Vec<u8, 64>, Refusal> {
    let mut out = Vec::new();
    let digest = Sha256::digest(body);
    let mut e = Encoder::new(Sink(&mut out));
    (e.array(2))
        .and_then(|e| e.str(NAME)?.bytes(&digest))
        .map_err(|_| Refusal::new(Reason::Internal))?;
    Ok(out)
}

/// The keys that may be tried for a list's signature, each with what it may do.
fn signers(image: &[TrustedKey], in_force: Option<&KeyList>) -> Ring {
    let revoked = |key: &PublicKey| in_force.is_some_and(|list| list.revokes(key));
    let roots = image.iter().take(MAX_KEYS).map(|key| TrustedKey {
        revoked: key.revoked || revoked(&key.key),
        ..key.clone()
    });
    let mut keys: Ring = roots.collect();
    // A key for drivers that signs a list is refused as such, and not as unknown.
    for key in in_force.iter().flat_map(|list| &list.keys) {
        if !keys.iter().any(|k| k.key == key.key) {
            let key = TrustedKey {
                roles: Roles::DRIVER,
                ..key.clone()
            };
            // There is room: both have at most half of it.
            let _ = keys.push(key);
        }
    }
    keys
}

fn key(reader: &mut Reader<'_>) -> Result<TrustedKey, Refusal> {
    let wrong = || Refusal::malformed("a key of the list is not one");
    if reader.array()? != 4 {
        return Err(wrong());
    }
    let kind = reader.unsigned()?;
    let point: &[u8; 64] = reader.bytes()?.try_into().map_err(|_| wrong())?;
    let ([first, second], _) = point.as_chunks::<32>() else {
        return Err(wrong());
    };
    let key = match kind {
        P256 => PublicKey::p256(first, second),
        ED25519 if *second == [0; 32] => PublicKey::ed25519(first),
        _ => None,
    };
    let roles = u32::try_from(reader.unsigned()?).map_err(|_| wrong())?;
    Ok(TrustedKey {
        key: key.ok_or_else(wrong)?,
        roles: Roles(roles),
        revoked: reader.boolean()?,
    })
}
