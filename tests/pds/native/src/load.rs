// SPDX-License-Identifier: BSD-2-Clause
//! The load: every slot writes a block of its own and reads it back, in turn.

use molt_block_queue::{Client, Op, Request, SECTOR, Segment, Status, Token};
use molt_clock::{Frequency, Ticks};
use molt_gate::Statistics;
use molt_guest::pattern::{self, BLOCK};
use molt_shared::Memory;

/// Requests in flight.
const DEPTH: usize = 8;
/// Blocks used at the most.
const BLOCKS: usize = 1024;
const SECTORS: u32 = (BLOCK as u64 / SECTOR) as u32;

#[derive(Clone, Copy)]
struct Flight {
    token: Token,
    op: Op,
    block: usize,
    start: Ticks,
}

/// The load, and its counters.
pub struct Load {
    number: u64,
    memory: Memory,
    clock: Frequency,
    blocks: usize,
    random: u64,
    flights: [Option<Flight>; DEPTH],
    /// The block that the slot has just written, to be read next.
    to_read: [Option<usize>; DEPTH],
    /// How often each block was written.
    written: [u32; BLOCKS],
    /// The progress of the closing pass.
    closing: Option<usize>,
    /// The statistics for `update` and for the console.
    pub statistics: Statistics,
}

impl Load {
    /// A load on `sectors` sectors, by a client that writes `number` into its blocks. The data of slot n is in block n of
    /// `memory`.
    pub fn new(number: u64, memory: Memory, sectors: u64) -> Self {
        let blocks = sectors / u64::from(SECTORS);
        Self {
            number,
            memory,
            clock: Frequency::of_this_machine(),
            blocks: usize::try_from(blocks).unwrap_or(BLOCKS).min(BLOCKS),
            random: pattern::next(number + 1),
            flights: [None; DEPTH],
            to_read: [None; DEPTH],
            written: [0; BLOCKS],
            closing: None,
            statistics: Statistics::default(),
        }
    }

    /// Reads all that was written once more, and then nothing.
    pub fn close(&mut self) {
        self.closing.get_or_insert(0);
    }

    /// Asks for nothing any more.
    pub fn give_up(&mut self) {
        self.closing = Some(self.blocks);
    }

    /// Whether all is done, the closing pass included.
    pub fn finished(&self) -> bool {
        self.closing.is_some_and(|next| next >= self.blocks)
            && self.flights.iter().all(Option::is_none)
    }

    /// Writes the data of all writes in flight anew, and spoils what reads in flight have brought.
    pub fn restore(&mut self) {
        for slot in 0..DEPTH {
            match self.flights[slot] {
                Some(flight) if flight.op == Op::Write => self.prepare(slot, flight.block),
                Some(_) => self.spoil(slot),
                None => {}
            }
        }
    }

    /// Puts every free slot in flight. Whether there was one.
    pub fn fill(&mut self, queue: &mut Client<'_>) -> bool {
        let mut some = false;
        for slot in 0..DEPTH {
            if self.flights[slot].is_some() {
                continue;
            }
            let Some((op, block)) = self.choose(slot) else {
                continue;
            };
            if op == Op::Write {
                self.written[block] += 1;
                self.prepare(slot, block);
                self.to_read[slot] = Some(block);
            }
            let segment = Segment {
                offset: (slot * BLOCK) as u64,
                len: BLOCK as u32,
            };
            let request = Request {
                op,
                sector: block as u64 * u64::from(SECTORS),
                sectors: SECTORS,
                segments: [segment].into_iter().collect(),
            };
            let start = molt_clock::now();
            if let Ok(token) = queue.submit(&request) {
                some = true;
                self.flights[slot] = Some(Flight {
                    token,
                    op,
                    block,
                    start,
                });
            }
        }
        some
    }

    /// Takes one completion. Returns what is wrong with it, if anything.
    pub fn complete(&mut self, token: Token, status: Status) -> Result<(), &'static str> {
        let slot = self
            .flights
            .iter()
            .position(|flight| flight.is_some_and(|flight| flight.token == token));
        let Some((slot, flight)) = slot.and_then(|slot| Some((slot, self.flights[slot].take()?)))
        else {
            self.statistics.errors += 1;
            return Err("a completion of what was not asked for");
        };
        let latency = self.clock.ns(molt_clock::now().since(flight.start));
        self.statistics.requests += 1;
        self.statistics.max_latency_ns = self.statistics.max_latency_ns.max(latency);
        if status != Status::Ok {
            self.statistics.errors += 1;
            return Err("a request failed");
        }
        if flight.op == Op::Read {
            let mut data = [0; BLOCK];
            let _ = self.memory.read(slot * BLOCK, &mut data);
            let sequence = self.written[flight.block];
            if !pattern::is(&data, self.number, flight.block as u64, sequence.into()) {
                self.statistics.errors += 1;
                return Err("a block is not what was written");
            }
            self.statistics.bytes_verified += BLOCK as u64;
            // Old content of the buffer must not be taken for what is read next.
            self.spoil(slot);
        }
        Ok(())
    }

    fn prepare(&self, slot: usize, block: usize) {
        let mut data = [0; BLOCK];
        let sequence = self.written[block];
        pattern::fill(&mut data, self.number, block as u64, sequence.into());
        // The memory has room for a block of each slot, or every comparison fails.
        let _ = self.memory.write(slot * BLOCK, &data);
    }

    fn spoil(&self, slot: usize) {
        let _ = self.memory.write(slot * BLOCK, &[0; BLOCK]);
    }

    /// What the slot does next. Each slot has the blocks that are congruent to it, so none is in two requests. The closing pass
    /// reads every block in any slot: it waits for the writes before it.
    fn choose(&mut self, slot: usize) -> Option<(Op, usize)> {
        if let Some(block) = self.to_read[slot].take() {
            return Some((Op::Read, block));
        }
        if let Some(next) = &mut self.closing {
            let mut flights = self.flights.iter().flatten();
            if flights.any(|flight| flight.op == Op::Write) {
                return None;
            }
            let block = (*next..self.blocks).find(|block| self.written[*block] > 0);
            *next = block.map_or(self.blocks, |block| block + 1);
            return block.map(|block| (Op::Read, block));
        }
        self.random = pattern::next(self.random);
        let row = self.random as usize % (self.blocks / DEPTH).max(1);
        let block = row * DEPTH + slot;
        (block < self.blocks).then_some((Op::Write, block))
    }
}
