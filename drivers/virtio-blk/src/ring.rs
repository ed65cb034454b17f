// SPDX-License-Identifier: BSD-2-Clause
//! The split virtqueue (2.7) and the requests' headers and status bytes, in memory shared with the device.
//!
//! Request `n` has a fixed place for its descriptors: with indirect descriptors a table in its block, and entry
//! `n` of the queue; without, [`DIRECT`] entries of the queue from `DIRECT * n` on, so that it has fewer segments. So nothing is allocated, and of
//! what the device could overwrite only the used ring and the status bytes are ever read.

use core::sync::atomic::{AtomicU64, Ordering};

use molt_block::{Command, Piece, REQUESTS, Ring};
use molt_block_queue::{Op, SEGMENTS, Status};
use molt_shared::Handover;
use molt_virtio::Error;

/// The largest number of entries of the queue, and of requests with the device.
pub const ENTRIES: usize = REQUESTS;
/// A request's descriptors beside its segments: header and status.
const OTHERS: usize = 2;
/// The most descriptors in an indirect table.
const CHAIN: usize = SEGMENTS + OTHERS;
/// The most descriptors of a request that has its descriptors in the queue: three requests in a queue of 128, each of 128 KiB in
/// scattered pages that begin anywhere in a page.
const DIRECT: usize = 36;

// Byte offsets in the ring memory. The used ring begins 4 bytes behind a multiple of 8 (it needs 4, 2.7),
// so that its elements are whole words.
const DESCRIPTORS: u64 = 0;
const AVAILABLE: u64 = 16 * ENTRIES as u64;
const USED: u64 = 0xc04;
const BLOCKS: u64 = 0x1100;
const BLOCK: u64 = 0x840;
const _: () = assert!(AVAILABLE + 6 + 2 * ENTRIES as u64 <= USED);
const _: () = assert!(USED + 6 + 8 * ENTRIES as u64 <= BLOCKS);

// In a block: the indirect table, the header, the range of a discard, the status.
const HEADER: u64 = 16 * CHAIN as u64;
const RANGE: u64 = HEADER + 16;
const STATUS: u64 = RANGE + 16;
const STATUS_WORD: usize = STATUS as usize / 8;
const _: () = assert!(STATUS + 8 <= BLOCK && BLOCK.is_multiple_of(16));

/// All before the blocks, and a block, in words.
const HEAD_WORDS: usize = BLOCKS as usize / 8;
const BLOCK_WORDS: usize = BLOCK as usize / 8;
/// A descriptor: the address; length, flags and next.
type Descriptor = [AtomicU64; 2];

/// Bytes of ring memory that are needed.
pub const RING_BYTES: usize = (BLOCKS + BLOCK * ENTRIES as u64) as usize;

// Descriptor flags (2.7.5).
const NEXT: u64 = 1;
const WRITE: u64 = 2;
const INDIRECT: u64 = 4;
/// The available ring's flag (2.7.6).
const NO_INTERRUPT: u16 = 1;

// Request types (5.2.6) and status (5.2.6).
const T_IN: u64 = 0;
const T_OUT: u64 = 1;
const T_FLUSH: u64 = 4;
const T_DISCARD: u64 = 11;
const T_WRITE_ZEROES: u64 = 13;
/// The content of the status byte until the device has written it: a value that the specification does not have.
const NO_STATUS: u64 = 0xff;

/// The driver's side of the queue.
#[derive(Debug)]
pub struct Queue<'a> {
    /// Descriptors and rings. Constant lengths let the compiler make most checks of an index.
    head: &'a [AtomicU64; HEAD_WORDS],
    /// One for each request.
    blocks: &'a [[AtomicU64; BLOCK_WORDS]],
    /// Physical address of the words.
    physical: u64,
    size: u16,
    indirect: bool,
    available: u16,
    used: u16,
    /// Bit n: request n is not with the device.
    free: u128,
    /// How many there can be.
    requests: usize,
    with_device: u16,
}

impl<'a> Queue<'a> {
    /// An empty queue of at most `max` entries.
    pub fn new(ring: Ring<'a>, max: u32, indirect: bool) -> Result<Self, Error> {
        let (head, rest) = ring.words.split_first_chunk().ok_or(Error::Memory)?;
        let (blocks, _) = rest.as_chunks();
        if blocks.len() < ENTRIES || !ring.physical.is_multiple_of(16) {
            return Err(Error::Memory);
        }
        let max = max.min(ENTRIES as u32) as usize;
        // A power of two (2.7).
        let size = max.checked_ilog2().map_or(0, |log| 1usize << log);
        let requests = if indirect { size } else { size / DIRECT };
        if requests == 0 {
            return Err(Error::Queue);
        }
        let queue = Self {
            head,
            blocks,
            physical: ring.physical,
            size: size as u16,
            indirect,
            available: 0,
            used: 0,
            free: u128::MAX >> (ENTRIES - requests),
            requests,
            with_device: 0,
        };
        // Both rings' flags and indices. Whatever else the device reads is written before it is made available.
        for offset in [AVAILABLE, USED - 4] {
            if let Some(word) = head.get((offset / 8) as usize) {
                word.store(0, Ordering::Relaxed);
            }
        }
        Ok(queue)
    }

    /// Of descriptors, available and used ring: for the device's registers.
    pub fn addresses(&self) -> [u64; 3] {
        [DESCRIPTORS, AVAILABLE, USED].map(|offset| self.physical + offset)
    }

    /// Entries of the queue.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// The most segments of a request.
    pub fn max_segments(&self) -> u32 {
        let chain = if self.indirect { CHAIN } else { DIRECT };
        (chain - OTHERS) as u32
    }

    /// How many requests are with the device.
    pub fn with_device(&self) -> usize {
        self.with_device.into()
    }

    /// Is there room for one more request?
    pub fn has_room(&self) -> bool {
        self.free != 0
    }

    /// Puts a request into the ring, not yet visible to the device; its number, below [`ENTRIES`].
    /// `None`: no room.
    pub fn add(&mut self, command: &Command) -> Option<usize> {
        let request = self.free.trailing_zeros() as usize;
        let words = self.blocks.get(request)?;
        self.free &= !(1 << request);
        self.with_device += 1;
        header(words, command);
        let block = BLOCKS + BLOCK * request as u64;
        let (table, first) = match self.indirect {
            true => (descriptors(words), 0),
            false => (descriptors(self.head), DIRECT * request),
        };
        let mut chain = Chain { table, next: first };
        chain.link(self.piece(block + HEADER, 16), 0);
        match command.op {
            Op::Discard | Op::WriteZeroes => chain.link(self.piece(block + RANGE, 16), 0),
            Op::Read | Op::Write | Op::Flush => {
                let flags = if command.op == Op::Read { WRITE } else { 0 };
                for piece in &command.pieces {
                    chain.link(*piece, flags);
                }
            }
        }
        chain.end(self.piece(block + STATUS, 1), WRITE);
        let length = chain.next - first;
        let head = match self.indirect {
            true => {
                let table = self.piece(block, 16 * length as u32);
                describe(descriptors(self.head), request, table, INDIRECT);
                request
            }
            false => first,
        };
        let entry = u64::from(self.available % self.size);
        self.store_u16(AVAILABLE + 4 + 2 * entry, head as u16);
        self.available = self.available.wrapping_add(1);
        Some(request)
    }

    /// Makes what was added visible to the device; its register is to be written afterwards.
    pub fn publish(&mut self) {
        // Descriptors and ring before the index, the index before the notification (2.7.13).
        Handover::ToDevice.barrier();
        self.store_u16(AVAILABLE + 2, self.available);
        Handover::ToDevice.barrier();
    }

    /// Asks the device for no interrupts (2.7.7). It may send one all the same.
    pub fn disarm(&mut self) {
        self.store_u16(AVAILABLE, NO_INTERRUPT);
    }

    /// Asks the device for an interrupt. Returns whether it has done more than was taken.
    pub fn arm(&mut self) -> bool {
        self.store_u16(AVAILABLE, 0);
        // The device writes its index and then reads the flag (2.7.7.2); this side does it in the other order.
        Handover::ToDevice.barrier();
        self.used_index() != self.used
    }

    fn used_index(&self) -> u16 {
        (self.load(USED - 4) >> 48) as u16
    }

    /// The next request that the device has done.
    pub fn next_used(&mut self) -> Result<Option<(usize, Status)>, Error> {
        let index = self.used_index();
        let done = index.wrapping_sub(self.used);
        if done == 0 {
            return Ok(None);
        }
        if done > self.with_device {
            return Err(Error::UsedIndex(index));
        }
        Handover::FromDevice.barrier();
        let element = self.load(USED + 4 + 8 * u64::from(self.used % self.size));
        let id = element as u32;
        let request = match self.indirect {
            true => Some(id as usize),
            false => (id as usize)
                .is_multiple_of(DIRECT)
                .then_some(id as usize / DIRECT),
        };
        let ours = |request: &usize| *request < self.requests && self.free >> request & 1 == 0;
        let request = request.filter(ours).ok_or(Error::UsedId(id))?;
        let block = self.blocks.get(request).ok_or(Error::UsedId(id))?;
        let status = block[STATUS_WORD].load(Ordering::Acquire) & 0xff;
        self.free |= 1 << request;
        self.with_device -= 1;
        self.used = self.used.wrapping_add(1);
        let answer = match status {
            0 => Status::Ok,
            2 => Status::Unsupported,
            // 1, or an undefined value: the request was not done.
            _ => Status::IoError,
        };
        Ok(Some((request, answer)))
    }

    fn piece(&self, offset: u64, len: u32) -> Piece {
        let address = self.physical + offset;
        Piece { address, len }
    }

    fn load(&self, offset: u64) -> u64 {
        let word = self.head.get((offset / 8) as usize);
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Only for what the device does not write: the word is read and written back.
    fn store_u16(&self, offset: u64, value: u16) {
        if let Some(word) = self.head.get((offset / 8) as usize) {
            let shift = offset % 8 * 8;
            let rest = word.load(Ordering::Relaxed) & !(0xffff << shift);
            word.store(rest | u64::from(value) << shift, Ordering::Release);
        }
    }
}

/// The descriptors that words begin with.
fn descriptors(words: &[AtomicU64]) -> &[Descriptor] {
    words.as_chunks().0
}

fn header(block: &[AtomicU64; BLOCK_WORDS], command: &Command) {
    const WORD: usize = HEADER as usize / 8;
    let kind = match command.op {
        Op::Read => T_IN,
        Op::Write => T_OUT,
        Op::Flush => T_FLUSH,
        Op::Discard => T_DISCARD,
        Op::WriteZeroes => T_WRITE_ZEROES,
    };
    let ranged = matches!(command.op, Op::Discard | Op::WriteZeroes);
    let words = [
        kind,
        // With a range the header's sector is 0 (5.2.6.1).
        if ranged { 0 } else { command.sector },
        command.sector,
        command.sectors.into(),
        NO_STATUS,
    ];
    for (n, word) in words.into_iter().enumerate() {
        block[WORD + n].store(word, Ordering::Relaxed);
    }
}

fn describe(table: &[Descriptor], index: usize, piece: Piece, flags: u64) {
    let next = if flags & NEXT != 0 { index + 1 } else { 0 };
    if let Some([address, rest]) = table.get(index) {
        address.store(piece.address, Ordering::Relaxed);
        let value = u64::from(piece.len) | flags << 32 | (next as u64) << 48;
        rest.store(value, Ordering::Relaxed);
    }
}

/// Descriptors in a row.
struct Chain<'q> {
    table: &'q [Descriptor],
    next: usize,
}

impl Chain<'_> {
    fn link(&mut self, piece: Piece, flags: u64) {
        self.end(piece, flags | NEXT);
    }

    fn end(&mut self, piece: Piece, flags: u64) {
        describe(self.table, self.next, piece, flags);
        self.next += 1;
    }
}
