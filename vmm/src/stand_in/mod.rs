// SPDX-License-Identifier: BSD-2-Clause
//! The technique `stand-in` for a disk: what serves the guest while the driver is away.
//!
//! Reads are served from what was [read lately](cache) and what was [written meanwhile](log). A write goes into the log, which is
//! written to the disk, in order, before anything else is asked of the next generation. Whatever they cannot serve waits.
//!
//! The log is memory. To the guest it is a disk's volatile cache: what it has not flushed is lost with the power, and a record that
//! the disk does not take is told at the next flush. So a flush waits for the driver, and nothing is logged for a guest that has
//! not agreed to flush (virtio 1.2, 5.2.6.2).
//!
//! Nothing here knows of queues or drivers.

mod cache;
mod log;

use molt_shared::Memory;

use cache::Cache;
pub use cache::{BLOCK, SECTORS as BLOCK_SECTORS};
use log::Log;
pub use log::{RECORD, Write};

/// Bytes of a sector.
pub const SECTOR: usize = 512;

/// Most sectors of a read that is served.
pub const LONGEST: u64 = 1024;

/// Whether two ranges of sectors have one in common.
pub const fn overlap(a: u64, a_sectors: u64, b: u64, b_sectors: u64) -> bool {
    a < b.saturating_add(b_sectors) && b < a.saturating_add(a_sectors)
}

/// Cache and log of one client's share of a disk.
pub struct StandIn {
    cache: Cache,
    log: Log,
    /// The next flush is to tell that a record was not written.
    lost: bool,
}

impl StandIn {
    /// In this memory, the last `log` bytes of which are the log's.
    #[must_use]
    pub fn new(memory: Memory, log: usize) -> Self {
        let log = log.min(memory.size());
        let cached = memory.size() - log;
        Self {
            cache: Cache::new(memory, cached),
            log: Log::new(memory, cached, log),
            lost: false,
        }
    }

    /// The driver has read a whole block.
    pub fn fill(&mut self, block: u64, bytes: &[u8; BLOCK]) {
        self.cache.fill(block, bytes);
    }

    /// The driver is asked to change these sectors.
    pub fn forget(&mut self, sector: u64, sectors: u64) {
        self.cache.forget(sector, sectors);
    }

    /// Reads: `give(n, bytes)` is called with each sector `n` of the range; where it is called twice, the second time counts.
    /// Returns whether all of it was there; otherwise nothing was given.
    pub fn read(
        &self,
        sector: u64,
        sectors: u64,
        mut give: impl FnMut(u64, &[u8; SECTOR]),
    ) -> bool {
        if sectors > LONGEST {
            return false;
        }
        let mut logged = [0_u64; LONGEST as usize / 64];
        for (at, _) in self.log.within(sector, sectors) {
            let n = at - sector;
            if let Some(word) = logged.get_mut(n as usize / 64) {
                *word |= 1 << (n % 64);
            }
        }
        let is_logged = |n: u64| {
            let word = logged.get(n as usize / 64);
            word.is_some_and(|word| word >> (n % 64) & 1 == 1)
        };
        if !(0..sectors).all(|n| is_logged(n) || self.cache.has(sector + n)) {
            return false;
        }
        let mut bytes = [0; SECTOR];
        for n in 0..sectors {
            if self.cache.read(sector + n, &mut bytes).is_some() {
                give(n, &bytes);
            }
        }
        for (at, place) in self.log.within(sector, sectors) {
            // The log's places lie in its memory.
            if self.log.read(place, &mut bytes).is_some() {
                give(at - sector, &bytes);
            }
        }
        true
    }

    /// Logs a write; `take(n)` is called for the contents of each sector `n`. Returns whether there was room for it; otherwise
    /// nothing was logged.
    pub fn write(
        &mut self,
        sector: u64,
        sectors: u64,
        mut take: impl FnMut(u64) -> [u8; SECTOR],
    ) -> bool {
        if !self.log.has_room(sectors) {
            return false;
        }
        let cache = &mut self.cache;
        self.log.add(sector, sectors, |n| {
            let bytes = take(n);
            cache.update(sector + n, &bytes);
            bytes
        });
        true
    }

    /// Whether all that was logged is on the disk.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.log.is_empty()
    }

    /// The next record for the driver ([`Log::next`]).
    #[must_use]
    pub fn next(&self) -> Option<Write> {
        self.log.next()
    }

    /// Copies the data of its sector `n` out.
    pub fn data(&self, number: usize, n: u64, out: &mut [u8; SECTOR]) -> Option<()> {
        self.log.data(number, n, out)
    }

    /// It was given to the driver.
    pub fn submitted(&mut self, number: usize) {
        self.log.submitted(number);
    }

    /// The driver has ended before it has answered.
    pub fn rewind(&mut self, number: usize) {
        self.log.rewind(number);
    }

    /// The driver has answered.
    pub fn answered(&mut self, number: usize, ok: bool) {
        let sectors = self.log.written(number);
        if let (false, Some((sector, sectors))) = (ok, sectors) {
            self.lost = true;
            self.cache.forget(sector, sectors);
        }
    }

    /// There will be no driver any more: what was logged is lost.
    pub fn give_up(&mut self) {
        self.lost |= !self.log.is_empty();
        self.log.clear();
    }

    /// Whether something was lost since the last call: what the guest's flush is to be told.
    pub fn take_loss(&mut self) -> bool {
        core::mem::take(&mut self.lost)
    }
}
