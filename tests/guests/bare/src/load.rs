// SPDX-License-Identifier: BSD-2-Clause
//! The load: every slot writes a block of its own share and then reads one back that was written before.

use alloc::vec;
use alloc::vec::Vec;

use crate::console::say;
use crate::disk::{Disk, Transfer};
use crate::histogram::Histogram;
use crate::processor::{nanoseconds, ticks};
use molt_guest::{Part, pattern};

#[derive(Clone, Copy)]
struct Flight {
    number: u64,
    transfer: Transfer,
    start: u64,
}

/// Errors after which the disk is given up.
const HOPELESS: u64 = 32;

/// The load, and its counters.
pub struct Load {
    guest: u64,
    verify: bool,
    random: u64,
    flights: Vec<Option<Flight>>,
    /// The last write of each block, 0 for none.
    written: Vec<u32>,
    requests: u64,
    errors: u64,
    bytes_verified: u64,
    all: Histogram,
    /// Of those that ended in these parts of an update.
    parts: [(Part, &'static str, Histogram); 4],
    /// The progress of the closing pass over everything that was written.
    closing: Option<u64>,
}

impl Load {
    /// A load with `depth` requests in flight, over `blocks` blocks.
    pub fn new(guest: u64, depth: usize, blocks: u64, verify: bool) -> Self {
        Self {
            guest,
            verify,
            random: pattern::next(guest + 1),
            flights: vec![None; depth],
            written: vec![0; blocks as usize],
            requests: 0,
            errors: 0,
            bytes_verified: 0,
            all: Histogram::new(),
            parts: [
                (Part::Before, "before", Histogram::new()),
                (Part::Preparing, "preparing", Histogram::new()),
                (Part::Transferring, "transferring", Histogram::new()),
                (Part::Exchanging, "exchanging", Histogram::new()),
            ],
            closing: None,
        }
    }

    /// Requests completed.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Reads all that was written once more, and then nothing.
    pub fn close(&mut self) {
        self.closing.get_or_insert(0);
    }

    /// Asks for nothing any more.
    fn give_up(&mut self) {
        self.closing = Some(self.blocks());
    }

    /// Whether all is done, the closing pass included.
    pub fn finished(&self) -> bool {
        self.flights.iter().all(Option::is_none)
            && (self.closing).is_some_and(|next| !self.verify || next >= self.blocks())
    }

    fn blocks(&self) -> u64 {
        self.written.len() as u64
    }

    /// Puts every free slot in flight.
    pub fn fill(&mut self, disk: &mut Disk) {
        for slot in 0..self.flights.len() {
            if self.flights.get(slot).is_some_and(Option::is_some) {
                continue;
            }
            let Some((number, transfer)) = self.choose(slot) else {
                continue;
            };
            if transfer == Transfer::Write && self.verify {
                let sequence = self.sequence(number).wrapping_add(1).max(1);
                if let Some(block) = disk.block(slot) {
                    pattern::fill(block, self.guest, number, sequence.into());
                }
                if let Some(written) = self.written.get_mut(number as usize) {
                    *written = sequence;
                }
            }
            let start = ticks();
            if disk.start(slot, transfer, number)
                && let Some(flight) = self.flights.get_mut(slot)
            {
                *flight = Some(Flight {
                    number,
                    transfer,
                    start,
                });
            }
        }
    }

    /// Takes every completion, in this part of an update.
    pub fn drain(&mut self, disk: &mut Disk, now: Part) -> bool {
        let mut some = false;
        while let Some((slot, succeeded)) = disk.complete() {
            some = true;
            let Some(flight) = self.flights.get_mut(slot).and_then(Option::take) else {
                say!("error: a completion of what was not asked for");
                self.errors += 1;
                continue;
            };
            let latency = nanoseconds(ticks().saturating_sub(flight.start));
            self.all.add(latency);
            let mut parts = self.parts.iter_mut();
            if let Some((_, _, histogram)) = parts.find(|(part, ..)| *part == now) {
                histogram.add(latency);
            }
            self.requests += 1;
            if !succeeded {
                say!("error: block {} failed", flight.number);
                self.errors += 1;
            } else if self.verify && flight.transfer == Transfer::Read {
                self.compare(disk, slot, flight.number);
            }
        }
        if self.errors >= HOPELESS {
            self.give_up();
        }
        some
    }

    fn compare(&mut self, disk: &mut Disk, slot: usize, number: u64) {
        let sequence = self.sequence(number);
        let same = disk
            .block(slot)
            .is_some_and(|block| pattern::is(block, self.guest, number, sequence.into()));
        if same {
            self.bytes_verified += pattern::BLOCK as u64;
        } else {
            say!("error: block {number} is not what was written (write {sequence})");
            self.errors += 1;
        }
    }

    /// Blocks are shared out among the slots, so that no two requests touch one. The closing pass reads every block in any slot:
    /// it waits for the writes before it.
    fn choose(&mut self, slot: usize) -> Option<(u64, Transfer)> {
        let depth = self.flights.len() as u64;
        if let Some(next) = self.closing {
            let mut flights = self.flights.iter().flatten();
            if !self.verify || flights.any(|flight| flight.transfer == Transfer::Write) {
                return None;
            }
            let written = (next..self.blocks()).find(|number| self.sequence(*number) != 0);
            self.closing = Some(written.map_or(self.blocks(), |number| number + 1));
            return Some((written?, Transfer::Read));
        }
        self.random = pattern::next(self.random);
        let own = self.blocks() / depth;
        let number = self.random % own * depth + slot as u64;
        let read = self.random & 1 << 40 != 0 && (self.sequence(number) != 0 || !self.verify);
        Some((
            number,
            if read {
                Transfer::Read
            } else {
                Transfer::Write
            },
        ))
    }

    fn sequence(&self, number: u64) -> u32 {
        self.written.get(number as usize).copied().unwrap_or(0)
    }

    /// Prints the account: `result` at the end, `progress` before.
    pub fn report(&self, word: &str) {
        say!(
            "{word} requests={} errors={} bytes_verified={} max_latency_ns={} p99_latency_ns={}",
            self.requests,
            self.errors,
            self.bytes_verified,
            self.all.max(),
            self.all.percentile(99)
        );
        self.report_parts(|part| part == Part::Preparing);
    }

    /// Prints the times of the requests that ended in these parts of updates.
    pub fn report_parts(&self, which: impl Fn(Part) -> bool) {
        for (part, name, histogram) in &self.parts {
            if which(*part) && histogram.count() > 0 {
                say!(
                    "{name} requests={} p50_latency_ns={} p99_latency_ns={} max_latency_ns={}",
                    histogram.count(),
                    histogram.percentile(50),
                    histogram.percentile(99),
                    histogram.max()
                );
            }
        }
    }
}
