// SPDX-License-Identifier: BSD-2-Clause
//! What the guest has written while the driver was away, in the order in which it did.

use alloc::vec::Vec;

use molt_shared::Memory;

use super::{SECTOR, overlap};

/// Most bytes of a record. A longer write becomes several.
pub const RECORD: usize = 0x1_0000;
/// Most records.
const RECORDS: usize = 1024;

/// How far a record has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is only here.
    Logged,
    /// The driver has been asked to write it.
    Submitted,
    /// It is on the disk.
    Written,
}

/// A write of at most [`RECORD`] bytes.
#[derive(Clone, Copy, Debug)]
struct Record {
    sector: u64,
    sectors: u64,
    /// Offset of its data in the memory.
    at: usize,
    state: State,
}

/// A record to be written to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its number in the log.
    pub number: usize,
    /// The first sector.
    pub sector: u64,
    /// How many.
    pub sectors: u64,
}

/// The log. It is emptied as a whole, when all of it is on the disk.
pub struct Log {
    memory: Memory,
    /// Where the memory begins that is used for it, and its bytes.
    base: usize,
    size: usize,
    records: Vec<Record>,
    used: usize,
    /// Records before this one are written.
    first: usize,
}

impl Log {
    /// An empty log in `size` bytes of `memory`, from offset `base` on.
    pub fn new(memory: Memory, base: usize, size: usize) -> Self {
        Self {
            memory,
            base,
            size: size.min(memory.size().saturating_sub(base)),
            records: Vec::with_capacity(RECORDS),
            used: 0,
            first: 0,
        }
    }

    /// Whether nothing has to be written.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Room for a write of so many sectors. `None`: there is none, or not for all of it.
    pub fn has_room(&self, sectors: u64) -> bool {
        let records = sectors.div_ceil((RECORD / SECTOR) as u64);
        let bytes = sectors.saturating_mul(SECTOR as u64);
        records <= (RECORDS - self.records.len()) as u64 && bytes <= (self.size - self.used) as u64
    }

    /// Adds a write, for which there [is room](Self::has_room). `sector_data(n)` is the contents of its sector `n`.
    pub fn add(
        &mut self,
        sector: u64,
        sectors: u64,
        mut sector_data: impl FnMut(u64) -> [u8; SECTOR],
    ) {
        let most = (RECORD / SECTOR) as u64;
        let mut done = 0;
        while done < sectors {
            let part = (sectors - done).min(most);
            let at = self.base + self.used;
            for n in 0..part {
                let bytes = sector_data(done + n);
                // There is room.
                let _ = self.memory.write(at + n as usize * SECTOR, &bytes);
            }
            self.records.push(Record {
                sector: sector + done,
                sectors: part,
                at,
                state: State::Logged,
            });
            self.used += part as usize * SECTOR;
            done += part;
        }
    }

    /// The sectors of this range that were written, each with the place of its data: those of a later write behind those of an
    /// earlier one.
    pub fn within(&self, sector: u64, sectors: u64) -> impl Iterator<Item = (u64, usize)> {
        self.records.iter().flat_map(move |record| {
            let first = record.sector.max(sector);
            let end = (record.sector + record.sectors).min(sector.saturating_add(sectors));
            (first..end).map(|at| (at, record.at + (at - record.sector) as usize * SECTOR))
        })
    }

    /// Copies the data of a sector at its place out.
    pub fn read(&self, place: usize, out: &mut [u8; SECTOR]) -> Option<()> {
        self.memory.read(place, out)
    }

    /// The next record for the driver: the oldest that was not submitted. `None`: there is none, or it overlaps one that is
    /// under way, which a device may carry out later.
    pub fn next(&self) -> Option<Write> {
        let mut rest = self.records.iter().enumerate().skip(self.first);
        let (number, record) = rest.find(|(_, record)| record.state == State::Logged)?;
        let overlaps = |other: &Record| {
            other.state == State::Submitted
                && overlap(other.sector, other.sectors, record.sector, record.sectors)
        };
        let under_way = self.records.get(self.first..number)?;
        (!under_way.iter().any(overlaps)).then_some(Write {
            number,
            sector: record.sector,
            sectors: record.sectors,
        })
    }

    /// Copies the data of a record's sector `n` out.
    pub fn data(&self, number: usize, n: u64, out: &mut [u8; SECTOR]) -> Option<()> {
        let record = self.records.get(number)?;
        self.memory.read(record.at + n as usize * SECTOR, out)
    }

    /// The record was given to the driver.
    pub fn submitted(&mut self, number: usize) {
        self.set(number, State::Submitted);
    }

    /// The driver has ended before it has answered: the record has to be written again.
    pub fn rewind(&mut self, number: usize) {
        self.set(number, State::Logged);
    }

    /// The record is on the disk. Returns which sectors they were.
    pub fn written(&mut self, number: usize) -> Option<(u64, u64)> {
        let record = self.records.get(number)?;
        let sectors = (record.sector, record.sectors);
        self.set(number, State::Written);
        let done = |record: &&Record| record.state == State::Written;
        let rest = self.records.get(self.first..).unwrap_or_default();
        self.first += rest.iter().take_while(done).count();
        if self.first == self.records.len() {
            self.clear();
        }
        Some(sectors)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.records.clear();
        (self.used, self.first) = (0, 0);
    }

    fn set(&mut self, number: usize, state: State) {
        if let Some(record) = self.records.get_mut(number) {
            record.state = state;
        }
    }
}
