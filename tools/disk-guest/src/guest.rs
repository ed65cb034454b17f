// SPDX-License-Identifier: BSD-2-Clause
//! The guest's end: a driver of a virtio block device over MMIO (virtio 1.2, 2.7, 4.2 and 5.2) with one split queue.

use std::collections::VecDeque;

use molt_shared::Memory;

use crate::{SECTOR, value};

/// Descriptors of the queue, three for each request.
const SIZE: u16 = 64;
/// Offsets of the rings in the guest's memory, and of the first request.
const AVAILABLE: usize = 0x400;
const USED: usize = 0x800;
const PLACES: usize = 0x1000;
/// Offsets of a request's status and data in its place; its header is at 0.
const STATUS: usize = 16;
const DATA: usize = 512;
/// Offset of the register QueueNotify.
pub const NOTIFY: u64 = 0x50;
/// Offset of the register Status, and how it reads when the device has taken what [`Guest::start`] has written: with other features than it
/// offers it does not, and the driver has to leave it alone (virtio 1.2, 3.1.1).
pub const STATUS_REGISTER: u64 = 0x70;
/// See [`STATUS_REGISTER`].
pub const STARTED: u32 = 15;
const VERSION_1: u64 = 1 << 32;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Has what was written before be on the disk.
    Flush,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it does.
    pub kind: Kind,
    /// The first sector.
    pub sector: u64,
    /// How many; 0 for a flush.
    pub sectors: u64,
    /// What a write writes into each of them.
    pub value: u64,
}

impl Asked {
    /// Whether it makes a difference which of the two comes first.
    #[must_use]
    pub const fn crosses(&self, other: &Self) -> bool {
        self.sector < other.sector + other.sectors
            && other.sector < self.sector + self.sectors
            && (matches!(self.kind, Kind::Write) || matches!(other.kind, Kind::Write))
    }
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where the request was, for [`Guest::sector`].
    pub place: usize,
    /// The request.
    pub asked: Asked,
    /// Its status is VIRTIO_BLK_S_OK.
    pub ok: bool,
}

/// The device has answered what was not asked, or was answered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAsked;

/// A guest's driver.
pub struct Guest {
    memory: Memory,
    base: u64,
    longest: u64,
    asked: Vec<Option<Asked>>,
    available: u16,
    used: u16,
}

impl Guest {
    /// A driver with its queue at the start of the guest's memory, whose first byte is at guest-physical address `base`. It has at
    /// most `depth` (up to 21) requests in flight, of at most `longest` sectors.
    #[must_use]
    pub fn new(memory: Memory, base: u64, depth: usize, longest: u64) -> Self {
        Self {
            memory,
            base,
            longest,
            asked: vec![None; depth.min(usize::from(SIZE) / 3)],
            available: 0,
            used: 0,
        }
    }

    /// Bytes of memory that such a driver uses.
    #[must_use]
    pub const fn memory(depth: usize, longest: u64) -> usize {
        PLACES + depth * (DATA + longest as usize * SECTOR)
    }

    /// Begins anew. Returns the registers, by offset, that are to be written in this order; with these features.
    pub fn start(&mut self, features: u64) -> VecDeque<(u64, u32)> {
        let _ = self.memory.clear(0, PLACES);
        (self.available, self.used) = (0, 0);
        let features = features | VERSION_1;
        let [descriptors, available, used] =
            [0, AVAILABLE, USED].map(|offset| (self.base + offset as u64) as u32);
        VecDeque::from([
            // ACKNOWLEDGE and DRIVER; FEATURES_OK; DRIVER_OK.
            (0x70, 3),
            (0x24, 0),
            (0x20, features as u32),
            (0x24, 1),
            (0x20, (features >> 32) as u32),
            (0x70, 11),
            (0x38, SIZE.into()),
            (0x80, descriptors),
            (0x90, available),
            (0xa0, used),
            (0x44, 1),
            (0x70, 15),
        ])
    }

    /// The requests that are not answered.
    pub fn in_flight(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().flatten()
    }

    /// Whether there is room for another request.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.asked.contains(&None)
    }

    /// Whether the order of this request and those in flight makes no difference.
    #[must_use]
    pub fn is_free(&self, asked: &Asked) -> bool {
        !self.in_flight().any(|other| other.crosses(asked))
    }

    /// Puts a request into the queue; [`NOTIFY`] is to be written then. Returns where it is; `None`: there is no room for it.
    pub fn ask(&mut self, asked: Asked) -> Option<usize> {
        let place = self.asked.iter().position(Option::is_none)?;
        let at = self.place(place);
        let word: u64 = match asked.kind {
            Kind::Read => 0,
            Kind::Write => 1,
            Kind::Flush => 4,
        };
        self.memory.store_u64(at, word)?;
        self.memory.store_u64(at + 8, asked.sector)?;
        self.memory.store_u8(at + STATUS, 0xff)?;
        let fill = match asked.kind {
            Kind::Write => asked.value,
            // No device leaves this.
            _ => u64::MAX,
        };
        let length = asked.sectors.min(self.longest) as usize * SECTOR;
        for offset in (0..length).step_by(8) {
            self.memory.store_u64(at + DATA + offset, fill.to_le())?;
        }
        let read = if asked.kind == Kind::Read { WRITE } else { 0 };
        let data = (length > 0).then_some((DATA, length, read));
        let chain = [Some((0, STATUS, 0)), data, Some((STATUS, 1, WRITE))];
        let chain = || chain.into_iter().flatten();
        let (first, count) = (3 * place, chain().count());
        for (n, (offset, length, flags)) in chain().enumerate() {
            let descriptor = 16 * (first + n);
            let address = self.base + (at + offset) as u64;
            let next = if n + 1 < count { NEXT } else { 0 };
            self.memory.store_u64(descriptor, address)?;
            self.memory.store_u32(descriptor + 8, length as u32)?;
            self.memory.store_u16(descriptor + 12, flags | next)?;
            let following = (first + n + 1) as u16;
            self.memory.store_u16(descriptor + 14, following)?;
        }
        let slot = usize::from(self.available % SIZE);
        let ring = AVAILABLE + 4 + 2 * slot;
        self.memory.store_u16(ring, first as u16)?;
        self.available = self.available.wrapping_add(1);
        self.memory.store_u16(AVAILABLE + 2, self.available)?;
        self.asked[place] = Some(asked);
        Some(place)
    }

    /// The next answer, if there is one.
    ///
    /// # Errors
    /// [`NotAsked`].
    pub fn next_answer(&mut self) -> Result<Option<Answer>, NotAsked> {
        if self.memory.load_u16(USED + 2) == Some(self.used) {
            return Ok(None);
        }
        let element = USED + 4 + 8 * usize::from(self.used % SIZE);
        self.used = self.used.wrapping_add(1);
        let head = self.memory.load_u32(element).ok_or(NotAsked)? as usize;
        let place = head / 3;
        let asked = self.asked.get_mut(place).and_then(Option::take);
        let asked = asked.filter(|_| head.is_multiple_of(3)).ok_or(NotAsked)?;
        let ok = self.memory.load_u8(self.place(place) + STATUS) == Some(0);
        Ok(Some(Answer { place, asked, ok }))
    }

    /// The last answer is there again, as if the device had given it twice.
    pub const fn answer_again(&mut self) {
        self.used = self.used.wrapping_sub(1);
    }

    /// What the read in this place has read into its sector `n`; `None` if the words differ.
    #[must_use]
    pub fn sector(&self, place: usize, n: u64) -> Option<u64> {
        let mut bytes = [0; SECTOR];
        let at = self.place(place) + DATA + n as usize * SECTOR;
        self.memory.read(at, &mut bytes)?;
        value(&bytes)
    }

    /// The offset in the guest's memory of a place's data.
    #[must_use]
    pub const fn data(&self, place: usize) -> u64 {
        (self.place(place) + DATA) as u64
    }

    const fn place(&self, n: usize) -> usize {
        PLACES + n * (DATA + self.longest as usize * SECTOR)
    }
}
