// SPDX-License-Identifier: BSD-2-Clause
//! A whole image in memory.

use crate::{Check, Digest, Header, PREFIX, PublicKey, Refusal};

/// An image whose length and payload are those that its header gives. Who signed it is not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    header: Header,
    bytes: &'a [u8],
}

/// Reads an image: exactly these bytes.
///
/// # Errors
/// What [`Header::parse`] refuses, a length that is not the image's, and a payload whose digest is another.
pub fn parse(bytes: &[u8]) -> Result<Image<'_>, Refusal> {
    let image = Image {
        header: *begin(bytes)?.header(),
        bytes,
    };
    if image.header.image_length() != bytes.len() as u64 {
        return Err(Refusal::Length);
    }
    image.checked()?.whole()?;
    Ok(image)
}

fn begin(bytes: &[u8]) -> Result<Check, Refusal> {
    let prefix = bytes.first_chunk::<PREFIX>().ok_or(Refusal::NoImage)?;
    Check::new(prefix)
}

impl<'a> Image<'a> {
    /// What it says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// By which it is known.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.header.digest()
    }

    /// All of it, as it is transferred and lies in a bank.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is copied to memory.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[PREFIX..]
    }

    fn checked(&self) -> Result<Check, Refusal> {
        let mut check = begin(self.bytes)?;
        check.payload(self.payload());
        Ok(check)
    }

    /// Whether the key's owner has signed it.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn signed_by(&self, key: &PublicKey) -> Result<(), Refusal> {
        self.checked()?.whole()?.signed_by(key).map(drop)
    }
}
