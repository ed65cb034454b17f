// SPDX-License-Identifier: BSD-2-Clause
//! The log: records of 32 bytes, appended in one of two sectors until it is full, then in the other one.
//!
//! A record is whole if its CRC is right. The one with the highest number holds. What a cut leaves is a place that is neither
//! blank nor a whole record, and is passed over; a sector that was being erased is not the one with the last record. A sector
//! is written only after it was erased in the same run of the controller, or if its first record is whole, which shows that
//! the erase before it was complete.

use molt_firmware::Refusal;

use crate::layout::{LOG, SECTOR};
use crate::{Fault, Flash};

/// Bytes of a record.
pub const RECORD: usize = 32;
const PLACES: u32 = SECTOR / RECORD as u32;
const MAGIC: u8 = 0xb5;

/// An image that is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its bank.
    pub bank: u8,
    /// The trial start was made. The image is to be confirmed before the next one.
    pub started: bool,
}

/// The controller's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The bank that is started when there is no trial; none in a flash that was never started from.
    pub confirmed: Option<u8>,
    /// The trial that is to be made, or under way.
    pub trial: Option<Trial>,
    /// The lowest security counter that is accepted.
    pub counter: u32,
    /// How often the controller was started.
    pub boots: u32,
}

impl Record {
    /// | offset | bytes | |
    /// |---|---|---|
    /// | 0 | 1 | [`MAGIC`] |
    /// | 1 | 1 | confirmed bank, 0xff: none |
    /// | 2 | 1 | bank on trial, 0xff: none |
    /// | 3 | 1 | 1: the trial start was made |
    /// | 4 | 4 | number of the record |
    /// | 8 | 4 | security counter |
    /// | 12 | 4 | starts |
    /// | 28 | 4 | CRC-32 of the bytes before |
    fn encode(&self, number: u32) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[0] = MAGIC;
        bytes[1] = self.confirmed.unwrap_or(u8::MAX);
        bytes[2] = self.trial.map_or(u8::MAX, |trial| trial.bank);
        bytes[3] = self.trial.is_some_and(|trial| trial.started).into();
        let words = [number, self.counter, self.boots];
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        bytes[4..]
            .iter_mut()
            .zip(words)
            .for_each(|(to, from)| *to = from);
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; RECORD]) -> Option<(u32, Self)> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) || body[0] != MAGIC {
            return None;
        }
        let word = |at: usize| {
            body[at..]
                .first_chunk()
                .map(|word| u32::from_le_bytes(*word))
        };
        let bank = |byte| match byte {
            u8::MAX => Some(None),
            0 | 1 => Some(Some(byte)),
            _ => None,
        };
        let started = body[3] != 0;
        let record = Self {
            confirmed: bank(body[1])?,
            trial: bank(body[2])?.map(|bank| Trial { bank, started }),
            counter: word(8)?,
            boots: word(12)?,
        };
        Some((word(4)?, record))
    }
}

/// The log of a flash.
#[derive(Clone, Debug)]
pub struct Log {
    /// The last record; that of a new controller if there is none.
    record: Record,
    number: u32,
    /// Sector and place of the last record.
    last: Option<(usize, u32)>,
}

impl Log {
    /// Finds the last record.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn open(flash: &mut impl Flash) -> Result<Self, Fault> {
        let mut log = Self {
            record: Record::default(),
            number: 0,
            last: None,
        };
        for (sector, start) in LOG.into_iter().enumerate() {
            for place in 0..PLACES {
                let bytes = read(flash, start, place)?;
                if let Some((number, record)) = Record::decode(&bytes)
                    && number > log.number
                {
                    (log.number, log.record) = (number, record);
                    log.last = Some((sector, place));
                }
            }
        }
        Ok(log)
    }

    /// The state.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether it has no record at all.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.last.is_none()
    }

    /// Makes this the state. It is durable when this returns.
    ///
    /// # Errors
    /// [`Refusal::Flash`]: the state is the one before, or this one.
    pub fn append(&mut self, flash: &mut impl Flash, record: Record) -> Result<(), Refusal> {
        let number = self.number.checked_add(1).ok_or(Refusal::Flash)?;
        let bytes = record.encode(number);
        let (sector, first) = self.next(flash)?;
        let start = LOG[sector];
        // A place that does not take the record is passed over like one that a cut has torn.
        for place in first..PLACES {
            if read(flash, start, place)? != [u8::MAX; RECORD] {
                continue;
            }
            flash.program(start + place * RECORD as u32, &bytes)?;
            if read(flash, start, place)? == bytes {
                (self.record, self.number) = (record, number);
                self.last = Some((sector, place));
                return Ok(());
            }
        }
        Err(Refusal::Flash)
    }

    /// The sector of the next record, and the first place that may be blank: in the last record's sector, or in the other one,
    /// which is erased for it.
    fn next(&self, flash: &mut impl Flash) -> Result<(usize, u32), Fault> {
        // A new log begins in the first sector.
        let (sector, last) = self.last.unwrap_or((1, PLACES - 1));
        for place in last + 1..PLACES {
            if read(flash, LOG[sector], place)? == [u8::MAX; RECORD] {
                return Ok((sector, place));
            }
        }
        let other = 1 - sector;
        flash.erase(LOG[other])?;
        Ok((other, 0))
    }
}

fn read(flash: &mut impl Flash, sector: u32, place: u32) -> Result<[u8; RECORD], Fault> {
    let mut bytes = [0; RECORD];
    flash.read(sector + place * RECORD as u32, &mut bytes)?;
    Ok(bytes)
}
