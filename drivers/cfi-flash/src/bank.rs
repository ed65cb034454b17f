// SPDX-License-Identifier: BSD-2-Clause
//! The bank: commands, status, and what the chips answer with.

use molt_shared::Mmio;
use molt_store::{Flash, FlashError, Geometry};

use crate::query::WORD;
use crate::{Error, Query};

/// Commands (I table 3).
mod command {
    pub const READ_ARRAY: u32 = 0xff;
    pub const READ_STATUS: u32 = 0x70;
    pub const CLEAR_STATUS: u32 = 0x50;
    pub const ERASE: u32 = 0x20;
    pub const PROGRAM: u32 = 0x40;
    pub const PROGRAM_BUFFER: u32 = 0xe8;
    pub const CONFIRM: u32 = 0xd0;
    pub const LOCKING: u32 = 0x60;
}

/// Bits of a chip's status (I table 4).
mod status {
    pub const READY: u32 = 1 << 7;
    pub const ERASE: u32 = 1 << 5;
    pub const PROGRAM: u32 = 1 << 4;
    pub const VOLTAGE: u32 = 1 << 3;
    pub const LOCKED: u32 = 1 << 1;
    pub const ERRORS: u32 = ERASE | PROGRAM | VOLTAGE | LOCKED;
}

/// How long a chip may take until its write buffer is free, or a block is unlocked, in us; far above what any part needs.
const SOON_US: u64 = 100_000;

/// What the chips answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Their array.
    Array,
    /// Their status; nothing is under way.
    Status,
    /// Their status; an operation is under way, which may take so many us from when it began.
    Busy { since: u64, most: u64 },
}

/// A bank of flash. `N` tells the time in us.
#[derive(Debug)]
pub struct Bank<R, N> {
    registers: R,
    now: N,
    query: Query,
    answers: Answers,
}

impl<R: Mmio, N: Fn() -> u64> Bank<R, N> {
    /// Asks the chips in a window of `window` bytes what they are. `now` tells the time in us.
    ///
    /// # Errors
    /// There is no flash that this driver knows.
    pub fn new(registers: R, window: u64, now: N) -> Result<Self, Error> {
        let query = Query::ask(&registers, window);
        let mut this = Self {
            answers: Answers::Status,
            query: query?,
            registers,
            now,
        };
        this.command(0, command::CLEAR_STATUS);
        this.read_array();
        Ok(this)
    }

    /// What the chips say about themselves.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Writes a command for every chip.
    fn command(&self, offset: u32, command: u32) {
        let word = self.query.lanes.each(command);
        self.registers.write(offset as usize, word);
    }

    /// The status bits that any chip has set, and `READY` only if all are ready.
    fn status(&self) -> u32 {
        let word = self.registers.read(0);
        let each = |n: u32| word >> (n * 32 / self.query.lanes.count()) & 0xff;
        let chips = 0..self.query.lanes.count();
        let (any, all) = chips.fold((0, u32::MAX), |(any, all), n| {
            (any | each(n), all & each(n))
        });
        any & !status::READY | all & status::READY
    }

    fn read_array(&mut self) {
        self.command(0, command::READ_ARRAY);
        self.answers = Answers::Array;
    }

    /// An operation has been started that may take `most` us.
    fn started(&mut self, most: u64) {
        let since = (self.now)();
        self.answers = Answers::Busy { since, most };
    }

    /// Waits for the operation that is under way, if any.
    fn settle(&mut self) -> Result<(), FlashError> {
        let Answers::Busy { since, most } = self.answers else {
            return Ok(());
        };
        while self.status() & status::READY == 0 {
            if (self.now)().saturating_sub(since) > most {
                return Err(FlashError::TimedOut);
            }
        }
        self.answers = Answers::Status;
        let failed = error(self.status());
        if failed.is_err() {
            self.command(0, command::CLEAR_STATUS);
        }
        failed
    }

    /// Whether `size` bytes at `offset` are words of the bank.
    fn inside(&self, offset: u32, size: usize) -> Result<(), FlashError> {
        let aligned = (offset as usize | size).is_multiple_of(WORD);
        let end = u64::from(offset) + size as u64;
        let inside = aligned && end <= self.geometry().size();
        inside.then_some(()).ok_or(FlashError::Outside)
    }

    /// Programs words that lie in one unit of the write buffer (I 6.5).
    fn program_buffer(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError> {
        self.settle()?;
        self.started(SOON_US);
        // The command is written again until the buffer is free.
        loop {
            self.command(offset, command::PROGRAM_BUFFER);
            if self.status() & status::READY != 0 {
                break;
            }
            if let Answers::Busy { since, most } = self.answers
                && (self.now)().saturating_sub(since) > most
            {
                return Err(FlashError::TimedOut);
            }
        }
        let words = (data.len() / WORD) as u32;
        self.command(offset, words - 1);
        for (index, word) in data.as_chunks::<WORD>().0.iter().enumerate() {
            let at = offset as usize + index * WORD;
            self.registers.write(at, u32::from_le_bytes(*word));
        }
        self.command(offset, command::CONFIRM);
        self.started(self.query.buffer_us);
        Ok(())
    }

    /// Programs one word, for parts without a buffer (I 6.4).
    fn program_word(&mut self, offset: u32, word: [u8; WORD]) -> Result<(), FlashError> {
        self.settle()?;
        self.command(offset, command::PROGRAM);
        self.registers
            .write(offset as usize, u32::from_le_bytes(word));
        self.started(self.query.program_us);
        Ok(())
    }

    /// Takes the lock from a block (I 6.9). Parts with locks power up with all of them set.
    fn unlock(&mut self, offset: u32) -> Result<(), FlashError> {
        self.command(offset, command::LOCKING);
        self.command(offset, command::CONFIRM);
        self.command(offset, command::READ_STATUS);
        self.started(SOON_US);
        self.settle()
    }

    /// Starts an operation; if its block turns out to be locked, unlocks it and starts the operation once more.
    fn unlocked(
        &mut self,
        offset: u32,
        mut start: impl FnMut(&mut Self) -> Result<(), FlashError>,
    ) -> Result<(), FlashError> {
        start(self)?;
        // A lock is reported at once, long before the operation can be done.
        if self.status() & status::LOCKED == 0 {
            return Ok(());
        }
        match self.settle() {
            Err(FlashError::Locked) => {
                self.unlock(offset)?;
                start(self)
            }
            other => other,
        }
    }
}

impl<R: Mmio, N: Fn() -> u64> Flash for Bank<R, N> {
    fn geometry(&self) -> Geometry {
        Geometry {
            block_size: self.query.block_size,
            blocks: self.query.blocks,
        }
    }

    /// `false` also for one that has overrun its time: the next call reports it.
    fn is_busy(&mut self) -> bool {
        let Answers::Busy { since, most } = self.answers else {
            return false;
        };
        let late = (self.now)().saturating_sub(since) > most;
        !late && self.status() & status::READY == 0
    }

    fn read(&mut self, offset: u32, out: &mut [u8]) -> Result<(), FlashError> {
        self.inside(offset, out.len())?;
        self.settle()?;
        if self.answers != Answers::Array {
            self.read_array();
        }
        for (index, word) in out.as_chunks_mut::<WORD>().0.iter_mut().enumerate() {
            let at = offset as usize + index * WORD;
            *word = self.registers.read(at).to_le_bytes();
        }
        Ok(())
    }

    fn program(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError> {
        self.inside(offset, data.len())?;
        let unit = self.query.buffer.max(WORD as u32);
        let (mut at, mut rest) = (offset, data);
        while let Some(first) = rest.first_chunk::<WORD>() {
            let room = (unit - at % unit) as usize;
            let (part, more) = rest.split_at(rest.len().min(room));
            self.unlocked(at, |this| match unit as usize {
                WORD => this.program_word(at, *first),
                _ => this.program_buffer(at, part),
            })?;
            at += part.len() as u32;
            rest = more;
        }
        Ok(())
    }

    fn erase(&mut self, offset: u32) -> Result<(), FlashError> {
        self.inside(offset, self.query.block_size as usize)?;
        if !offset.is_multiple_of(self.query.block_size) {
            return Err(FlashError::Outside);
        }
        self.unlocked(offset, |this| {
            this.settle()?;
            this.command(offset, command::ERASE);
            this.command(offset, command::CONFIRM);
            this.started(this.query.erase_us);
            Ok(())
        })
    }

    fn flush(&mut self) -> Result<(), FlashError> {
        self.settle()
    }
}

/// The error that a status tells; the most specific bit first. Both erase and program mean a wrong sequence of commands.
fn error(status: u32) -> Result<(), FlashError> {
    let has = |bits: u32| status & bits == bits;
    Err(match status {
        _ if status & status::ERRORS == 0 => return Ok(()),
        _ if has(status::VOLTAGE) => FlashError::Voltage,
        _ if has(status::LOCKED) => FlashError::Locked,
        _ if has(status::ERASE) => FlashError::Erase,
        _ => FlashError::Program,
    })
}
