// SPDX-License-Identifier: BSD-2-Clause
//! Reads CBOR as SUIT uses it: definite lengths, byte strings that contain CBOR, no bytes left over.

use minicbor::Decoder;
use minicbor::data::{Tag, Type};
use minicbor::decode::Error;
use molt_doorbell::Reason;

use crate::Refusal;

/// Reads one buffer from its beginning to its end.
pub struct Reader<'b> {
    decoder: Decoder<'b>,
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self {
            decoder: Decoder::new(bytes),
            bytes,
        }
    }

    /// The elements of an array that fills the whole buffer; they are read later one by one.
    pub fn array_of(bytes: &'b [u8]) -> Result<(Self, u64), Refusal> {
        let mut reader = Self::new(bytes);
        let count = reader.array()?;
        Ok((reader, count))
    }

    pub fn array(&mut self) -> Result<u64, Refusal> {
        definite(self.decoder.array())
    }

    pub fn map(&mut self) -> Result<u64, Refusal> {
        definite(self.decoder.map())
    }

    pub fn bytes(&mut self) -> Result<&'b [u8], Refusal> {
        self.decoder.bytes().map_err(refusal)
    }

    pub fn text(&mut self) -> Result<&'b str, Refusal> {
        self.decoder.str().map_err(refusal)
    }

    pub fn unsigned(&mut self) -> Result<u64, Refusal> {
        self.decoder.u64().map_err(refusal)
    }

    pub fn integer(&mut self) -> Result<i64, Refusal> {
        self.decoder.i64().map_err(refusal)
    }

    pub fn boolean(&mut self) -> Result<bool, Refusal> {
        self.decoder.bool().map_err(refusal)
    }

    pub fn null(&mut self) -> Result<(), Refusal> {
        self.decoder.null().map_err(refusal)
    }

    pub fn skip(&mut self) -> Result<(), Refusal> {
        self.decoder.skip().map_err(refusal)
    }

    /// The type of what comes next.
    pub fn kind(&self) -> Result<Type, Refusal> {
        self.decoder.datatype().map_err(refusal)
    }

    /// Takes a tag if one comes next.
    pub fn tag(&mut self) -> Result<Option<u64>, Refusal> {
        if self.kind()? != Type::Tag {
            return Ok(None);
        }
        let tag: Tag = self.decoder.tag().map_err(refusal)?;
        Ok(Some(tag.as_u64()))
    }

    /// Offset of what comes next.
    pub fn position(&self) -> usize {
        self.decoder.position()
    }

    /// The encoding from `start` to here.
    pub fn since(&self, start: usize) -> &'b [u8] {
        self.bytes.get(start..self.position()).unwrap_or(&[])
    }

    /// The encoding from here to the end.
    pub fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.position()..).unwrap_or(&[])
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Result<(), Refusal> {
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(Refusal::malformed("bytes are left over"))
        }
    }
}

/// Whether a value of this type is an integer.
pub fn is_integer(kind: Type) -> bool {
    use Type::{I8, I16, I32, I64, Int, U8, U16, U32, U64};
    matches!(kind, U8 | U16 | U32 | U64 | I8 | I16 | I32 | I64 | Int)
}

fn definite(length: Result<Option<u64>, Error>) -> Result<u64, Refusal> {
    (length.map_err(refusal)?).ok_or(Refusal::malformed("an array or map of indefinite length"))
}

fn refusal(error: Error) -> Refusal {
    if error.is_end_of_input() {
        Refusal::new(Reason::Truncated)
    } else {
        Refusal::malformed("the CBOR is not what a SUIT envelope has there")
    }
}
