// SPDX-License-Identifier: BSD-2-Clause
//! The manifest (draft-ietf-suit-manifest-37, 8.4), with severed members put back.

use heapless::Vec;
use minicbor::data::Type;
use molt_doorbell::Reason;
use sha2::{Digest, Sha256};

use crate::reader::Reader;
use crate::{Detail, Envelope, Refusal};

/// Most components of a manifest.
pub const COMPONENTS: usize = 4;
/// Most parts of a component identifier.
const PARTS: usize = 4;
const VERSION: u64 = 1;
const SHA_256: i64 = -16;

/// A component identifier: its parts.
pub type Identifier<'b> = Vec<&'b [u8], PARTS>;

/// A member of the manifest that may be severed: then it is in the envelope, or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section<'b> {
    /// The manifest has none.
    Absent,
    /// It is in the manifest or in the envelope: the encoded sequence or map.
    Here(&'b [u8]),
    /// It is severed and missing; the manifest has only its digest.
    Severed,
}

/// A SUIT_Digest (10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuitDigest<'b> {
    algorithm: i64,
    bytes: &'b [u8],
}

/// The content of a manifest. It can be read even if not all of it is supported; [`crate::process`] refuses it then.
#[derive(Clone, Debug)]
pub struct Manifest<'b> {
    /// suit-manifest-sequence-number
    pub sequence: u64,
    /// suit-reference-uri
    pub reference_uri: Option<&'b str>,
    /// suit-components
    pub components: Vec<Identifier<'b>, COMPONENTS>,
    /// suit-shared-sequence
    pub shared: Option<&'b [u8]>,
    /// suit-payload-fetch
    pub payload_fetch: Section<'b>,
    /// suit-install
    pub install: Section<'b>,
    /// suit-validate
    pub validate: Section<'b>,
    /// suit-load
    pub load: Section<'b>,
    /// suit-invoke
    pub invoke: Section<'b>,
    /// suit-text
    pub text: Section<'b>,
    /// Why it cannot be processed, if it cannot.
    pub unsupported: Option<Refusal>,
    /// The refusal if a severed member in the envelope does not have the digest that is in the manifest.
    pub exchanged: Option<Refusal>,
}

impl<'b> SuitDigest<'b> {
    /// Reads an encoded one.
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        let digest = Self::read(&mut reader)?;
        reader.end()?;
        Ok(digest)
    }

    pub(crate) fn read(reader: &mut Reader<'b>) -> Result<Self, Refusal> {
        if reader.array()? != 2 {
            return Err(Refusal::malformed("a SUIT_Digest has two elements"));
        }
        let algorithm = reader.integer()?;
        let bytes = reader.bytes()?;
        Ok(Self { algorithm, bytes })
    }

    /// The digest, which must be SHA-256 (REQUIRED to implement; the only one here).
    pub(crate) fn sha256(&self) -> Result<&'b [u8; 32], Refusal> {
        if self.algorithm != SHA_256 {
            let algorithm = Detail::Algorithm(self.algorithm);
            return Err(Refusal::of(Reason::UnsupportedAlgorithm, algorithm));
        }
        (self.bytes.try_into()).map_err(|_| Refusal::malformed("a SHA-256 digest has 32 bytes"))
    }
}

impl<'b> Manifest<'b> {
    /// Reads the manifest of an envelope, which should have been authenticated.
    ///
    /// # Errors
    /// [`Reason::Truncated`], [`Reason::NotABundle`].
    pub fn parse(envelope: &Envelope<'b>) -> Result<Self, Refusal> {
        let mut reader = Reader::new(envelope.manifest);
        let mut manifest = Self {
            sequence: 0,
            reference_uri: None,
            components: Vec::new(),
            shared: None,
            payload_fetch: Section::Absent,
            install: Section::Absent,
            validate: Section::Absent,
            load: Section::Absent,
            invoke: Section::Absent,
            text: Section::Absent,
            unsupported: envelope.check_members().err(),
            exchanged: None,
        };
        let mut seen = 0_u32;
        for _ in 0..reader.map()? {
            let key = reader.integer()?;
            let bit = u32::try_from(key)
                .ok()
                .and_then(|key| 1_u32.checked_shl(key));
            if let Some(bit) = bit {
                if seen & bit != 0 {
                    return Err(Refusal::malformed(
                        "a member of the manifest stands there twice",
                    ));
                }
                seen |= bit;
            }
            manifest.member(envelope, key, &mut reader)?;
        }
        reader.end()?;
        // Version, sequence number and common.
        if seen & 0b1110 != 0b1110 {
            return Err(Refusal::malformed(
                "the manifest has no version, sequence number or common",
            ));
        }
        for member in envelope.severed_members() {
            let vouched = u32::try_from(member).is_ok_and(|member| seen & 1 << member != 0);
            if !vouched {
                return Err(Refusal::malformed(
                    "the envelope has a member that the manifest does not name",
                ));
            }
        }
        Ok(manifest)
    }

    fn member(
        &mut self,
        envelope: &Envelope<'b>,
        key: i64,
        reader: &mut Reader<'b>,
    ) -> Result<(), Refusal> {
        match key {
            1 => {
                if reader.unsigned()? != VERSION {
                    self.lacks(Refusal::text(
                        Reason::UnsupportedMember,
                        "the manifest's version is not 1",
                    ));
                }
            }
            2 => self.sequence = reader.unsigned()?,
            3 => self.common(reader.bytes()?)?,
            4 => self.reference_uri = Some(reader.text()?),
            7 => self.validate = Section::Here(reader.bytes()?),
            8 => self.load = Section::Here(reader.bytes()?),
            9 => self.invoke = Section::Here(reader.bytes()?),
            16 => self.payload_fetch = self.severable(envelope, key, reader)?,
            20 => self.install = self.severable(envelope, key, reader)?,
            23 => self.text = self.severable(envelope, key, reader)?,
            15 => {
                reader.skip()?;
                self.lacks(Refusal::of(Reason::Dependencies, Detail::Manifest(key)));
            }
            _ => {
                reader.skip()?;
                self.lacks(Refusal::of(
                    Reason::UnsupportedMember,
                    Detail::Manifest(key),
                ));
            }
        }
        Ok(())
    }

    fn common(&mut self, bytes: &'b [u8]) -> Result<(), Refusal> {
        let mut reader = Reader::new(bytes);
        let mut last = 0;
        for _ in 0..reader.map()? {
            let key = reader.integer()?;
            if key <= last {
                return Err(Refusal::malformed("suit-common is not in order"));
            }
            last = key;
            match key {
                1 => {
                    reader.skip()?;
                    self.lacks(Refusal::of(Reason::Dependencies, Detail::Common(key)));
                }
                2 => self.components(&mut reader)?,
                4 => self.shared = Some(reader.bytes()?),
                _ => {
                    reader.skip()?;
                    self.lacks(Refusal::of(Reason::UnsupportedMember, Detail::Common(key)));
                }
            }
        }
        reader.end()
    }

    fn components(&mut self, reader: &mut Reader<'b>) -> Result<(), Refusal> {
        for _ in 0..reader.array()? {
            let mut identifier = Identifier::new();
            for _ in 0..reader.array()? {
                (identifier.push(reader.bytes()?))
                    .map_err(|_| Refusal::malformed("a component identifier has too many parts"))?;
            }
            if self.components.contains(&identifier) {
                return Err(Refusal::malformed("a component stands there twice"));
            }
            (self.components.push(identifier))
                .map_err(|_| Refusal::malformed("the manifest has too many components"))?;
        }
        Ok(())
    }

    /// Finds a member that may be severed. If it is in the envelope, its digest must be the one in the manifest (8.4.12).
    fn severable(
        &mut self,
        envelope: &Envelope<'b>,
        key: i64,
        reader: &mut Reader<'b>,
    ) -> Result<Section<'b>, Refusal> {
        let outside = envelope.severed(key);
        if reader.kind()? != Type::Array {
            if outside.is_some() {
                return Err(Refusal::malformed(
                    "a member is in the manifest and in the envelope",
                ));
            }
            return Ok(Section::Here(reader.bytes()?));
        }
        let digest = SuitDigest::read(reader)?;
        let Some(wrapped) = outside else {
            return Ok(Section::Severed);
        };
        match digest.sha256() {
            Ok(digest) if Sha256::digest(wrapped).as_slice() == digest => {
                Ok(Section::Here(Reader::new(wrapped).bytes()?))
            }
            Ok(_) => {
                self.exchanged = Some(Refusal::of(Reason::ManifestDigest, Detail::Envelope(key)));
                Ok(Section::Severed)
            }
            Err(refusal) => {
                self.lacks(refusal);
                Ok(Section::Severed)
            }
        }
    }

    /// Records that something is not supported. The first one is what the refusal names.
    fn lacks(&mut self, refusal: Refusal) {
        self.unsupported.get_or_insert(refusal);
    }
}
