// SPDX-License-Identifier: BSD-2-Clause
//! The parameters of a component (draft-ietf-suit-manifest-37, 8.4.8).

use minicbor::data::Type;
use molt_doorbell::Reason;

use crate::command::parameter;
use crate::manifest::SuitDigest;
use crate::reader::Reader;
use crate::{Detail, Refusal};

/// SUIT_Parameters, as far as they are supported.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameters<'b> {
    pub vendor: Option<&'b [u8]>,
    pub class: Option<&'b [u8]>,
    pub device: Option<&'b [u8]>,
    pub digest: Option<SuitDigest<'b>>,
    pub size: Option<u64>,
    pub slot: Option<u64>,
    pub content: Option<&'b [u8]>,
    pub uri: Option<&'b str>,
}

/// The two parameters that belong to the sequence, not to the component.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfSequence {
    pub soft_failure: Option<bool>,
}

impl<'b> Parameters<'b> {
    /// suit-directive-override-parameters
    pub fn overridden(&mut self, reader: &mut Reader<'b>) -> Result<OfSequence, Refusal> {
        let mut of_sequence = OfSequence::default();
        let mut seen = 0_u32;
        for _ in 0..reader.map()? {
            let key = reader.integer()?;
            let bit = u32::try_from(key)
                .ok()
                .and_then(|key| 1_u32.checked_shl(key));
            let bit = bit.ok_or(unsupported(key))?;
            if seen & bit != 0 {
                return Err(Refusal::malformed("a parameter stands there twice"));
            }
            seen |= bit;
            match key {
                parameter::VENDOR_IDENTIFIER => self.vendor = Some(vendor(reader)?),
                parameter::CLASS_IDENTIFIER => self.class = Some(reader.bytes()?),
                parameter::DEVICE_IDENTIFIER => self.device = Some(reader.bytes()?),
                parameter::IMAGE_DIGEST => {
                    self.digest = Some(SuitDigest::parse(reader.bytes()?)?);
                }
                parameter::IMAGE_SIZE => self.size = Some(reader.unsigned()?),
                parameter::COMPONENT_SLOT => self.slot = Some(reader.unsigned()?),
                parameter::CONTENT => self.content = Some(reader.bytes()?),
                parameter::URI => self.uri = Some(reader.text()?),
                // Only copy and swap use it, and they are refused.
                parameter::SOURCE_COMPONENT => drop(reader.unsigned()?),
                // Commands are always executed in order here, which either value allows (8.4.8.14).
                parameter::STRICT_ORDER => drop(reader.boolean()?),
                parameter::SOFT_FAILURE => of_sequence.soft_failure = Some(reader.boolean()?),
                parameter::ENCRYPTION_INFO => {
                    return Err(Refusal::of(Reason::Encrypted, Detail::Parameter(key)));
                }
                _ => return Err(unsupported(key)),
            }
        }
        Ok(of_sequence)
    }
}

/// A UUID (16 bytes), or the number of an enterprise in tag 112, which never matches.
fn vendor<'b>(reader: &mut Reader<'b>) -> Result<&'b [u8], Refusal> {
    if reader.kind()? != Type::Tag {
        return reader.bytes();
    }
    match reader.tag()? {
        Some(112) => reader.bytes().map(|_| &[][..]),
        _ => Err(Refusal::malformed(
            "a vendor identifier is neither a UUID nor a number",
        )),
    }
}

fn unsupported(key: i64) -> Refusal {
    Refusal::of(Reason::UnsupportedParameter, Detail::Parameter(key))
}
