// SPDX-License-Identifier: BSD-2-Clause
//! The log: cells of [`RECORD`] bytes, each blank, a record, or torn.

use zerocopy::IntoBytes;

use crate::record::MAGIC;
use crate::{Digest, Flash, FlashError, RECORD, Record};

/// How many cells in a row are tried for one record. A cell that does not hold what was written is left as it is.
const TRIES: u32 = 4;

/// The state of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// There are no records yet.
    Blank,
    /// Every record is there.
    Good,
    /// Something else is in it, or a record is missing: the cell at which that was seen. Nothing is written to such a log,
    /// because what is missing may have been a commit.
    Broken(u32),
}

/// Where records are appended.
#[derive(Clone, Debug)]
pub struct Log {
    cells: u32,
    /// The first cell behind everything that is not blank.
    end: u32,
    /// Number of the next record.
    number: u64,
    /// Digest of the last record.
    last: Digest,
    health: Health,
}

impl Log {
    /// Reads the log, which is the flash's first `cells` cells, and shows every record that follows from the one before it.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn open(
        flash: &mut impl Flash,
        cells: u32,
        mut each: impl FnMut(&Record),
    ) -> Result<Self, FlashError> {
        let mut log = Self {
            cells,
            end: 0,
            number: 0,
            last: [0; 32],
            health: Health::Blank,
        };
        let mut cell = [0; RECORD];
        for index in 0..cells {
            flash.read(place(index), &mut cell)?;
            if blank(&cell) {
                continue;
            }
            log.end = index + 1;
            match Record::read(&cell) {
                Some(record) if record.number == log.number && record.previous == log.last => {
                    each(&record);
                    log.took(&record);
                }
                None if torn(&cell) => {}
                _ => log.found(Health::Broken(index)),
            }
        }
        Ok(log)
    }

    /// The state of the log.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health
    }

    /// Cells that are in use.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.end
    }

    /// The record in a cell, if there is a whole one.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn record(&self, flash: &mut impl Flash, cell: u32) -> Result<Option<Record>, FlashError> {
        if cell >= self.end {
            return Ok(None);
        }
        let mut bytes = [0; RECORD];
        flash.read(place(cell), &mut bytes)?;
        Ok(Record::read(&bytes))
    }

    /// Cells that are still free.
    #[must_use]
    pub fn free(&self) -> u32 {
        match self.health {
            Health::Broken(_) => 0,
            _ => self.cells.saturating_sub(self.end),
        }
    }

    /// Appends a record, and returns its number when it is durable. Its number and its link to the one before are set here.
    ///
    /// # Errors
    /// The log is full or broken ([`FlashError::Outside`]), or the flash failed.
    pub fn append(&mut self, flash: &mut impl Flash, record: Record) -> Result<Record, FlashError> {
        let record = Record {
            number: self.number,
            previous: self.last,
            ..record
        };
        let record = record.sealed();
        let mut failed = FlashError::Outside;
        for _ in 0..TRIES.min(self.free()) {
            let cell = self.end;
            self.end += 1;
            match write(flash, cell, &record) {
                Ok(true) => {
                    self.took(&record);
                    return Ok(record);
                }
                Ok(false) => failed = FlashError::Program,
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn took(&mut self, record: &Record) {
        self.number = record.number + 1;
        self.last = record.digest();
        self.found(Health::Good);
    }

    fn found(&mut self, health: Health) {
        if !matches!(self.health, Health::Broken(_)) {
            self.health = health;
        }
    }
}

/// Writes a record to a cell. Returns whether the cell holds it now.
fn write(flash: &mut impl Flash, cell: u32, record: &Record) -> Result<bool, FlashError> {
    flash.program(place(cell), record.as_bytes())?;
    flash.flush()?;
    let mut back = [0; RECORD];
    flash.read(place(cell), &mut back)?;
    Ok(Record::read(&back).as_ref() == Some(record))
}

const fn place(cell: u32) -> u32 {
    cell * RECORD as u32
}

fn blank(cell: &[u8; RECORD]) -> bool {
    cell.iter().all(|byte| *byte == 0xff)
}

/// Whether an interrupted write of a record can have left this: a program only clears bits, and none but those that the record
/// has clear.
fn torn(cell: &[u8; RECORD]) -> bool {
    let first = cell.first_chunk().copied().map(u32::from_le_bytes);
    first.is_some_and(|word| word & MAGIC == MAGIC)
}
