// SPDX-License-Identifier: BSD-2-Clause
//! The split virtqueue (2.7), in memory shared with the device.
//!
//! Every chain of a queue has the same maximal number of descriptors, and chain `n` has a fixed place for them. So
//! nothing is allocated, and of what the device could overwrite only the used ring is ever read.

use molt_shared::Handover;

use crate::error::Error;
use crate::region::Region;

/// The most descriptors of a queue.
pub const ENTRIES: usize = 128;

// Byte offsets in the queue's memory. The used ring begins 4 bytes behind a multiple of 8 (it needs 4, 2.7), so that its
// elements are whole words.
const DESCRIPTORS: usize = 0;
const AVAILABLE: usize = 16 * ENTRIES;
const USED: usize = 0xc04;
/// How much memory a queue needs, in bytes.
pub const QUEUE_BYTES: usize = 0x1100;
const _: () = assert!(AVAILABLE + 8 + 2 * ENTRIES <= USED);
const _: () = assert!(USED + 8 + 8 * ENTRIES <= QUEUE_BYTES);

// Descriptor flags (2.7.5).
const NEXT: u64 = 1;
const WRITE: u64 = 2;
/// Available ring's flag (2.7.6).
const NO_INTERRUPT: u16 = 1;
/// Used ring's flag (2.7.8).
const NO_NOTIFY: u16 = 1;

/// A piece of physical memory for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Physical address.
    pub address: u64,
    /// In bytes.
    pub len: u32,
    /// The device writes the buffer. Buffers that it only reads come before.
    pub write: bool,
}

/// The driver's side of a queue.
#[derive(Debug)]
pub struct Queue<'a> {
    memory: Region<'a>,
    size: u16,
    chain: u16,
    event_index: bool,
    available: u16,
    /// The available index when the device was last notified.
    told: u16,
    used: u16,
    /// Bit n: chain n is not with the device.
    free: u128,
    chains: u16,
}

impl<'a> Queue<'a> {
    /// An empty queue of at most `max` entries, for chains of at most `chain`; contents of the memory do not matter.
    ///
    /// # Errors
    /// [`Error::Memory`], or [`Error::Queue`] if not one chain fits.
    pub fn new(memory: Region<'a>, max: u32, chain: u16, event_index: bool) -> Result<Self, Error> {
        if memory.size() < QUEUE_BYTES || !memory.address(0).is_multiple_of(16) {
            return Err(Error::Memory);
        }
        let max = max.min(ENTRIES as u32);
        // A power of two (2.7).
        let size = max.checked_ilog2().map_or(0, |log| 1u16 << log);
        let chains = size.checked_div(chain).unwrap_or(0);
        if chains == 0 {
            return Err(Error::Queue);
        }
        memory.clear();
        Ok(Self {
            memory,
            size,
            chain,
            event_index,
            available: 0,
            told: 0,
            used: 0,
            free: u128::MAX >> (ENTRIES - usize::from(chains)),
            chains,
        })
    }

    /// Of descriptors, available and used ring: for the device's registers.
    pub fn addresses(&self) -> [u64; 3] {
        [DESCRIPTORS, AVAILABLE, USED].map(|offset| self.memory.address(offset))
    }

    /// Entries of the queue.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// How many chains it has room for in all: their numbers are below this.
    pub fn chains(&self) -> usize {
        self.chains.into()
    }

    /// How many chains are with the device.
    pub fn with_device(&self) -> usize {
        self.chains() - self.free.count_ones() as usize
    }

    /// The number that the next chain gets; `None`: no room.
    pub fn next_free(&self) -> Option<usize> {
        (self.free != 0).then(|| self.free.trailing_zeros() as usize)
    }

    /// Puts a chain into the ring, not yet visible to the device; its number. `None`: no room, or it has no piece or too
    /// many.
    pub fn add(&mut self, pieces: &[Piece]) -> Option<usize> {
        self.add_at(self.next_free()?, pieces)
    }

    /// The same for chain `number`. `None` also if the device has that.
    pub fn add_at(&mut self, number: usize, pieces: &[Piece]) -> Option<usize> {
        let is_free = number < self.chains() && self.free >> number & 1 == 1;
        if !is_free || pieces.is_empty() || pieces.len() > self.chain.into() {
            return None;
        }
        let first = number * usize::from(self.chain);
        for (n, piece) in pieces.iter().enumerate() {
            let next = first + n + 1;
            let (mut flags, mut link) = (if piece.write { WRITE } else { 0 }, 0);
            if n + 1 < pieces.len() {
                (flags, link) = (flags | NEXT, next as u64);
            }
            let at = DESCRIPTORS + 16 * (first + n);
            self.memory.store(at, piece.address);
            let rest = u64::from(piece.len) | flags << 32 | link << 48;
            self.memory.store(at + 8, rest);
        }
        self.free &= !(1 << number);
        let entry = usize::from(self.available % self.size);
        self.memory
            .store_u16(AVAILABLE + 4 + 2 * entry, first as u16);
        self.available = self.available.wrapping_add(1);
        Some(number)
    }

    /// Makes what was added visible to the device. Returns whether it is to be notified.
    pub fn publish(&mut self) -> bool {
        let (old, new) = (self.told, self.available);
        if old == new {
            return false;
        }
        self.told = new;
        // Descriptors and ring are written before the index, and the index before the device's event index is read (2.7.13).
        Handover::ToDevice.barrier();
        self.memory.store_u16(AVAILABLE + 2, new);
        Handover::ToDevice.barrier();
        if self.event_index {
            let wish = self.memory.load_u16(USED + 4 + 8 * usize::from(self.size));
            new.wrapping_sub(wish).wrapping_sub(1) < new.wrapping_sub(old)
        } else {
            self.memory.load_u16(USED) & NO_NOTIFY == 0
        }
    }

    /// The next chain that the device has done, and how many bytes it reports to have written.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn next_used(&mut self) -> Result<Option<(usize, u32)>, Error> {
        let index = self.memory.load_u16(USED + 2);
        let done = index.wrapping_sub(self.used);
        if done == 0 {
            return Ok(None);
        }
        if usize::from(done) > self.with_device() {
            return Err(Error::UsedIndex(index));
        }
        Handover::FromDevice.barrier();
        let slot = usize::from(self.used % self.size);
        let element = self.memory.load(USED + 4 + 8 * slot);
        let (id, written) = (element as u32, (element >> 32) as u32);
        let chain = usize::from(self.chain);
        let number = Some(id as usize)
            .filter(|id| id.is_multiple_of(chain))
            .map(|id| id / chain)
            .filter(|number| *number < self.chains() && self.free >> number & 1 == 0)
            .ok_or(Error::UsedId(id))?;
        self.free |= 1 << number;
        self.used = self.used.wrapping_add(1);
        Ok(Some((number, written)))
    }

    /// Wishes to be interrupted when the device has done more than was taken; whether it already has.
    pub fn arm(&mut self) -> bool {
        if self.event_index {
            self.memory
                .store_u16(AVAILABLE + 4 + 2 * usize::from(self.size), self.used);
        } else {
            self.memory.store_u16(AVAILABLE, 0);
        }
        // The device writes its index and then reads the flag or event index; this side does it in the other order.
        Handover::ToDevice.barrier();
        self.memory.load_u16(USED + 2) != self.used
    }

    /// Asks the device for no interrupts. With event indices nothing has to be written: the old event index has been passed.
    pub fn disarm(&mut self) {
        if !self.event_index {
            self.memory.store_u16(AVAILABLE, NO_INTERRUPT);
        }
    }
}
