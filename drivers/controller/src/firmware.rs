// SPDX-License-Identifier: BSD-2-Clause
//! A firmware image, as far as the host has to know it.

use molt_firmware::{Digest, Header, Refusal, SIGNED};

/// A firmware image. Its payload and its signature are the controller's to check.
#[derive(Clone, Copy, Debug)]
pub struct Firmware<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// How many bytes that are.
    pub length: u32,
    /// By which the controller names it.
    pub digest: Digest,
}

impl<'a> Firmware<'a> {
    /// The image that exactly these bytes are.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let signed = bytes.first_chunk::<SIGNED>().ok_or(Refusal::NoImage)?;
        let header = Header::parse(signed)?;
        if header.image_length() != bytes.len() as u64 {
            return Err(Refusal::Length);
        }
        let length = u32::try_from(bytes.len()).map_err(|_| Refusal::TooLarge)?;
        Ok(Self {
            bytes,
            length,
            digest: header.digest(),
        })
    }
}
