// SPDX-License-Identifier: BSD-2-Clause
//! The header's fields. Numbers are little-endian.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | [`MAGIC`] |
//! | 8 | 4 | version of this form, [`FORM`] |
//! | 12 | 4 | version of the firmware |
//! | 16 | 4 | security counter |
//! | 20 | 4 | bytes of the payload |
//! | 24 | 4 | address to which the payload is copied |
//! | 28 | 4 | address of its vector table, which is entered |
//! | 32 | 32 | SHA-256 of the payload |
//! | 64 | 64 | Ed25519 signature over bytes 0 to 63 |

use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::Refusal;

/// The first bytes of an image.
pub const MAGIC: [u8; 8] = *b"MOLT-FW\0";
/// The version of the header's form.
pub const FORM: u32 = 1;
/// Bytes of the header that are signed.
pub const SIGNED: usize = 64;
/// Bytes before the payload: the header and its signature.
pub const PREFIX: usize = 128;

/// A SHA-256. Of an image: of its header's signed bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// The first eight bytes, in hexadecimal: enough to tell images apart on a console.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = self.0.iter().take(8);
        first.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an image says of itself. It is to be believed only after [`crate::Check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the firmware, for people and for the values that guests read.
    pub version: u32,
    /// The release's security counter. A controller does not run an image with a lower one than it has confirmed once.
    pub counter: u32,
    /// Bytes of the payload.
    pub length: u32,
    /// The address in the controller's memory to which the payload is copied.
    pub load: u32,
    /// The address of its vector table, within the payload.
    pub entry: u32,
    /// The SHA-256 of the payload.
    pub payload: Digest,
}

impl Header {
    /// Reads the signed bytes. A vector table has to be aligned to 128 bytes at least (Armv7-M Architecture Reference Manual, B3.2.5).
    ///
    /// # Errors
    /// It is no header, or one that contradicts itself.
    pub fn parse(bytes: &[u8; SIGNED]) -> Result<Self, Refusal> {
        let word = |at: usize| {
            let mut word = [0; 4];
            word.iter_mut()
                .zip(&bytes[at..])
                .for_each(|(to, from)| *to = *from);
            u32::from_le_bytes(word)
        };
        if !bytes.starts_with(&MAGIC) {
            return Err(Refusal::NoImage);
        }
        if word(8) != FORM {
            return Err(Refusal::Form);
        }
        let mut payload = Digest::default();
        payload.0.copy_from_slice(&bytes[32..]);
        let header = Self {
            version: word(12),
            counter: word(16),
            length: word(20),
            load: word(24),
            entry: word(28),
            payload,
        };
        let end = header.load.checked_add(header.length);
        if header.length == 0 || end.is_none() {
            return Err(Refusal::Length);
        }
        let inside = header.entry.wrapping_sub(header.load) < header.length;
        if !inside || !header.entry.is_multiple_of(128) || !header.load.is_multiple_of(4) {
            return Err(Refusal::Address);
        }
        Ok(header)
    }

    /// The signed bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SIGNED] {
        let mut bytes = [0; SIGNED];
        let words = [
            FORM,
            self.version,
            self.counter,
            self.length,
            self.load,
            self.entry,
        ];
        let fields = words.iter().flat_map(|word| word.to_le_bytes());
        let all = MAGIC.into_iter().chain(fields).chain(self.payload.0);
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        bytes
    }

    /// The image's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// Bytes of the whole image.
    #[must_use]
    pub fn image_length(&self) -> u64 {
        PREFIX as u64 + u64::from(self.length)
    }
}
