// SPDX-License-Identifier: BSD-2-Clause
//! The first 4 KiB of a half: the header, and the records that put the half in force. Numbers are little-endian.
//!
//! | offset | bytes | content |
//! |---|---|---|
//! | 0 | 8 | `MOLT-HLF` |
//! | 8 | 4 | bytes of the content |
//! | 12 | 32 | SHA-256 of the content |
//! | 44 | 4 | CRC-32 of bytes 0 to 43 |
//! | 64, 80, … | 16 each | records |
//! | 4096 | | the content |
//!
//! A record:
//!
//! | offset | bytes | content |
//! |---|---|---|
//! | 0 | 8 | its number, higher than that of every record before it in either half |
//! | 8 | 4 | CRC-32 of the number and the header's digest |
//! | 12 | 4 | 0 |
//!
//! A record that a power cut has torn fails its CRC, as does one that was left of another content, and is passed over.

use core::ops::Range;

/// SHA-256.
pub type Digest = [u8; 32];

/// Bytes before the content.
pub const AREA: usize = 4096;
/// The first bytes of a header.
const MAGIC: [u8; 8] = *b"MOLT-HLF";
/// Bytes of the header that are written.
pub const HEADER: usize = 48;
/// Where the records are.
const RECORDS: Range<usize> = 64..AREA;
/// Bytes of a record.
pub const RECORD: usize = 16;

/// What a half holds. It was written when all of the content had been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes.
    pub length: u32,
    /// SHA-256.
    pub digest: Digest,
}

impl Header {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let length = self.length.to_le_bytes();
        let fields = MAGIC.into_iter().chain(length).chain(self.digest);
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        if let Some((said, crc)) = bytes.split_last_chunk_mut() {
            *crc = crc32fast::hash(said).to_le_bytes();
        }
        bytes
    }

    /// From a half's first bytes; `None` if they are no header.
    #[must_use]
    pub fn parse(area: &[u8]) -> Option<Self> {
        let bytes = area.first_chunk::<HEADER>()?;
        let (said, crc) = bytes.split_last_chunk::<4>()?;
        let rest = said.strip_prefix(&MAGIC)?;
        let (length, rest) = rest.split_first_chunk()?;
        (crc32fast::hash(said) == u32::from_le_bytes(*crc)).then_some(Self {
            length: u32::from_le_bytes(*length),
            digest: *rest.first_chunk()?,
        })
    }

    /// The record with a number.
    pub(crate) fn record(&self, number: u64) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let number = number.to_le_bytes();
        let mut crc = crc32fast::Hasher::new();
        crc.update(&number);
        crc.update(&self.digest);
        let fields = number.into_iter().chain(crc.finalize().to_le_bytes());
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        bytes
    }

    /// The highest number of a record of this header in the area.
    pub(crate) fn number(&self, area: &[u8]) -> Option<u64> {
        let numbers = records(area).filter_map(|(_, record)| {
            let number = u64::from_le_bytes(*record.first_chunk()?);
            (self.record(number) == *record).then_some(number)
        });
        numbers.max()
    }
}

/// Where the next record goes: behind the last that is not blank. `None`: there is no room.
pub fn free(area: &[u8]) -> Option<usize> {
    let blank = |record: &[u8; RECORD]| record.iter().all(|byte| *byte == molt_rom::ERASED);
    let mut places = records(area).rev();
    let mut free = None;
    while let Some((place, record)) = places.next()
        && blank(record)
    {
        free = Some(place);
    }
    free
}

fn records(area: &[u8]) -> impl DoubleEndedIterator<Item = (usize, &[u8; RECORD])> {
    let records = area.get(RECORDS).unwrap_or_default();
    let records = records.as_chunks().0.iter().enumerate();
    records.map(|(n, record)| (RECORDS.start + n * RECORD, record))
}
