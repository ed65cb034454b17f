// SPDX-License-Identifier: BSD-2-Clause
//! A ROM as its clients see it: memory that they can only read, with the content that a device's flash holds.
//!
//! ```text
//! | content | bytes of an erased flash (0xff) | label: the last 64 bytes |
//! ```
//!
//! The memory changes only while no client has it: at every moment a client reads one content, whole, and the [`Label`] that
//! belongs to it. A client that needs several reads, and must not take some of them before an exchange and some after it,
//! compares the label's generation before the first and after the last ([`Label::generation`]), and reads again if it has changed.
//!
//! Offsets and numbers of the label, little endian:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | [`MAGIC`] |
//! | 8 | 8 | generation |
//! | 16 | 8 | bytes of the content |
//! | 24 | 32 | SHA-256 of the content |
//! | 56 | 8 | 0 |
#![no_std]
#![forbid(unsafe_code)]

/// The first bytes of a label.
pub const MAGIC: [u8; 8] = *b"MOLT-ROM";
/// Bytes of a label.
pub const LABEL: usize = 64;
/// What is behind the content, as in an erased flash.
pub const ERASED: u8 = 0xff;
/// `compatible` of the node of a guest's device tree that says where the memory is.
pub const COMPATIBLE: &str = "molt,rom";

/// Which content the memory has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The number of the generation that has put it there. It is another one after each exchange, also if the content is the
    /// same as before.
    pub generation: u64,
    /// Bytes of the content, from the memory's first byte on.
    pub length: u64,
    /// SHA-256 of it.
    pub digest: [u8; 32],
}

impl Label {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; LABEL] {
        let mut bytes = [0; LABEL];
        let numbers = [self.generation, self.length];
        let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
        let all = MAGIC.into_iter().chain(numbers).chain(self.digest);
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        bytes
    }

    /// From the last bytes of the memory; `None` if they are no label.
    #[must_use]
    pub fn parse(bytes: &[u8; LABEL]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        (*magic == MAGIC).then_some(Self {
            generation: u64::from_le_bytes(*generation),
            length: u64::from_le_bytes(*length),
            digest: *rest.first_chunk()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let label = Label {
            generation: 0x0102_0304_0506_0708,
            length: 300,
            digest: core::array::from_fn(|n| n as u8),
        };
        let bytes = label.encode();
        assert_eq!(bytes[8], 8, "little endian");
        assert_eq!(bytes[16..18], [44, 1]);
        assert_eq!(Label::parse(&bytes), Some(label));
        let mut other = bytes;
        other[0] = 0;
        assert_eq!(Label::parse(&other), None);
        assert_eq!(Label::parse(&[ERASED; LABEL]), None);
    }
}
