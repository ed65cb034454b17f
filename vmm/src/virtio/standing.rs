// SPDX-License-Identifier: BSD-2-Clause
//! A disk's side of the technique `stand-in`: what is in flight, what waits, and how the log comes to the driver.
//!
//! A request that cannot be served while the driver is away waits, and those behind it are served all the same. (Requests that
//! are in flight together have no order, virtio 1.2, 2.7.13.) But no write overtakes one that waits. When the driver is back,
//! it first gets the log and then what has waited; meanwhile reads are served, and everything else waits too. So the log does
//! not grow while it is written.
//!
//! What the old generation was asked for and has not answered is served like the rest, as soon as its device is at rest. It may have been
//! carried out, or in part: a read is read again, and a write that is logged is written again.

use core::fmt;
use core::sync::atomic::AtomicU64;

use molt_block_queue::{OWN, Op, Request, Segment, Status};
use molt_queue::Client;
use molt_shared::put;

use crate::ram::Ram;
use crate::stand_in::{BLOCK, BLOCK_SECTORS, RECORD, SECTOR, StandIn, overlap};
use crate::virtio::data::Data;

const SLOTS: usize = molt_queue::layout::SLOTS;
/// Most requests that wait: as many as a queue has descriptors.
const WAITING: usize = 128;
/// Buffers for records that are on the way to the driver, at the most.
const BUFFERS: usize = 16;

/// Whether the request writes a record of the log.
fn is_of_log(request: &Request) -> bool {
    request
        .segments
        .first()
        .is_some_and(|s| s.offset & OWN != 0)
}

/// What becomes of a request while the driver is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It was served.
    Yes,
    /// It waits for the driver.
    Later,
}

/// A request that waits: its chain's head, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// The head.
    pub head: u16,
    /// In ticks of the physical counter.
    pub since: u64,
}

/// What is in a slot of the queue to the driver.
#[derive(Clone, Copy, Debug, Default)]
enum Slot {
    #[default]
    Nothing,
    /// A read; `fills`: what it reads can be kept.
    Read {
        sector: u64,
        sectors: u64,
        fills: bool,
    },
    /// The driver changes these sectors for the guest.
    Change { sector: u64, sectors: u64 },
    /// A record of the log, with its data in this buffer.
    Record { number: usize, buffer: usize },
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stood {
    /// Reads that were served.
    pub reads: u64,
    /// Writes that were logged.
    pub writes: u64,
    /// Requests that had to wait.
    pub waited: u64,
    /// Records of the log that the driver has written.
    pub replayed: u64,
    /// The longest that a request which was served took, in nanoseconds: from the guest's notification to the answer, or from when it
    /// was taken back from the old generation.
    pub longest: u64,
}

impl fmt::Display for Stood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reads,
            writes,
            waited,
            replayed,
            longest,
        } = self;
        write!(
            f,
            "stand-in: {reads} reads served, {writes} writes logged, the longest in {longest} ns; {waited} requests waited; {replayed} records written"
        )
    }
}

/// The stand-in of one disk.
pub struct Standing<'a> {
    stand_in: StandIn,
    /// The client's queue region, in whose end are the buffers.
    region: &'a [AtomicU64],
    slots: [Slot; SLOTS],
    /// Bit n: buffer n is free.
    free: u32,
    waiting: heapless::Vec<Waiting, WAITING>,
    /// One of them changes something.
    change_waits: bool,
    stood: Stood,
    /// Counter ticks to nanoseconds.
    nanoseconds: fn(u64) -> u64,
}

impl<'a> Standing<'a> {
    /// Over a queue in this region. `nanoseconds` converts ticks of the counter.
    #[must_use]
    pub fn new(stand_in: StandIn, region: &'a [AtomicU64], nanoseconds: fn(u64) -> u64) -> Self {
        let layout = molt_queue::layout::words::<Request>() * 8;
        let room = size_of_val(region).saturating_sub(layout) / RECORD;
        Self {
            stand_in,
            region,
            slots: [Slot::Nothing; SLOTS],
            free: (1 << room.min(BUFFERS)) - 1,
            waiting: heapless::Vec::new(),
            change_waits: false,
            stood: Stood::default(),
            nanoseconds,
        }
    }

    /// The counts.
    #[must_use]
    pub const fn stood(&self) -> &Stood {
        &self.stood
    }

    /// Whether requests are served here rather than by the driver, which is away or not.
    pub fn serves(&self, away: bool) -> bool {
        away || !self.stand_in.is_settled() || !self.waiting.is_empty()
    }

    /// Whether something waits for the driver.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether another request can be taken.
    pub fn has_room(&self) -> bool {
        !self.waiting.is_full()
    }

    /// How many records are with the driver.
    pub fn records(&self) -> usize {
        let record = |slot: &&Slot| matches!(slot, Slot::Record { .. });
        self.slots.iter().filter(record).count()
    }

    /// The guest's driver or machine was reset: what waits is forgotten. The log stays: the guest was told that it is written.
    pub fn begin_life(&mut self) {
        self.waiting.clear();
        self.change_waits = false;
    }

    /// The guest's request was given to the driver, in this slot.
    pub fn submitted(&mut self, slot: usize, request: &Request) {
        let (sector, sectors) = (request.sector, request.sectors.into());
        let state = match request.op {
            Op::Read => {
                let changes = |slot: &Slot| match *slot {
                    Slot::Change {
                        sector: at,
                        sectors: of,
                    } => overlap(at, of, sector, sectors),
                    _ => false,
                };
                let fills = !self.slots.iter().any(changes);
                Slot::Read {
                    sector,
                    sectors,
                    fills,
                }
            }
            Op::Flush => Slot::Nothing,
            Op::Write | Op::Discard | Op::WriteZeroes => {
                self.spoil(sector, sectors);
                self.stand_in.forget(sector, sectors);
                Slot::Change { sector, sectors }
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = state;
        }
    }

    /// What reads in flight give of these sectors may be old soon.
    fn spoil(&mut self, at: u64, of: u64) {
        for slot in &mut self.slots {
            if let Slot::Read {
                sector,
                sectors,
                fills,
            } = slot
            {
                *fills &= !overlap(at, of, *sector, *sectors);
            }
        }
    }

    /// The driver has answered what was in the slot. Returns whether it was a record of the log. `request` is what was asked.
    pub fn answered(
        &mut self,
        slot: usize,
        status: Status,
        request: Option<&Request>,
        ram: &Ram,
    ) -> bool {
        let Some(place) = self.slots.get_mut(slot) else {
            return false;
        };
        let ok = status == Status::Ok;
        match core::mem::take(place) {
            Slot::Record { number, buffer } => {
                self.free |= 1 << buffer;
                self.stood.replayed += u64::from(ok);
                self.stand_in.answered(number, ok);
                true
            }
            Slot::Read { fills: true, .. } if ok => {
                if let Some(request) = request {
                    self.fill(request, ram);
                }
                false
            }
            _ => false,
        }
    }

    /// Keeps the whole blocks of what was read.
    fn fill(&mut self, request: &Request, ram: &Ram) {
        let mut data = Data::new(ram, &request.segments);
        let end = request.sector + u64::from(request.sectors);
        let first = request.sector.div_ceil(BLOCK_SECTORS);
        for block in first..end / BLOCK_SECTORS {
            let at = (block * BLOCK_SECTORS - request.sector) * SECTOR as u64;
            let mut bytes = [0; BLOCK];
            if data.read(at, &mut bytes).is_some() {
                self.stand_in.fill(block, &bytes);
            }
        }
    }

    /// Serves a request, or has it wait. `logs`: the guest has agreed to flush, and the driver is away.
    pub fn serve(&mut self, request: &Request, waiting: Waiting, logs: bool, ram: &Ram) -> Served {
        let (sector, sectors) = (request.sector, u64::from(request.sectors));
        let mut data = Data::new(ram, &request.segments);
        let changes = !matches!(request.op, Op::Read | Op::Flush);
        let served = match request.op {
            Op::Read => self.stand_in.read(sector, sectors, |n, bytes| {
                // The segments were checked.
                let _ = data.write(n * SECTOR as u64, bytes);
            }),
            Op::Write if logs && !self.change_waits => self.stand_in.write(sector, sectors, |n| {
                let mut bytes = [0; SECTOR];
                let _ = data.read(n * SECTOR as u64, &mut bytes);
                bytes
            }),
            _ => false,
        };
        if served {
            self.stood.reads += u64::from(!changes);
            self.stood.writes += u64::from(changes);
            if changes {
                self.spoil(sector, sectors);
            }
            return Served::Yes;
        }
        self.change_waits |= changes;
        self.stood.waited += 1;
        // There is room: it was asked for.
        let _ = self.waiting.push(waiting);
        Served::Later
    }

    /// A request that was served took so many ticks of the counter.
    pub fn took(&mut self, ticks: u64) {
        self.stood.longest = self.stood.longest.max((self.nanoseconds)(ticks));
    }

    /// Gives the driver records of the log, as many as there is room for. Returns whether there were some.
    pub fn replay(&mut self, client: &mut Client<'a, Request>) -> bool {
        let mut some = false;
        while let Some(write) = self.stand_in.next().filter(|_| self.free != 0) {
            let buffer = self.free.trailing_zeros() as usize;
            let at = molt_queue::layout::words::<Request>() * 8 + buffer * RECORD;
            let mut bytes = [0; SECTOR];
            for n in 0..write.sectors {
                // A record lies in the log.
                let _ = self.stand_in.data(write.number, n, &mut bytes);
                put(self.region, at as u64 + n * SECTOR as u64, &bytes);
            }
            let mut request = Request {
                op: Op::Write,
                sector: write.sector,
                sectors: write.sectors as u32,
                segments: heapless::Vec::new(),
            };
            let (offset, len) = (OWN | at as u64, write.sectors as u32 * SECTOR as u32);
            // There is room for one.
            let _ = request.segments.push(Segment { offset, len });
            let Ok(token) = client.submit(&request) else {
                break;
            };
            if let Some(place) = self.slots.get_mut(token.slot()) {
                *place = Slot::Record {
                    number: write.number,
                    buffer,
                };
            }
            self.free &= !(1 << buffer);
            self.stand_in.submitted(write.number);
            some = true;
        }
        some
    }

    /// The guest's request in this slot was taken back from the queue.
    pub fn withdrawn(&mut self, slot: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Slot::Nothing;
        }
    }

    /// A generation has ended, and the queue is closed: its region may be spoilt. Records that it has not answered are written
    /// again by the next one.
    pub fn withdraw(&mut self, client: &mut Client<'a, Request>) {
        while let Some(token) = client.withdraw(is_of_log) {
            let Some(place) = self.slots.get_mut(token.slot()) else {
                continue;
            };
            if let Slot::Record { number, buffer } = core::mem::take(place) {
                self.free |= 1 << buffer;
                self.stand_in.rewind(number);
            }
        }
    }

    /// There will be no driver any more.
    pub fn give_up(&mut self) {
        self.stand_in.give_up();
    }

    /// The next request that has waited, once the log is written.
    pub fn next_waiting(&mut self) -> Option<Waiting> {
        if !self.stand_in.is_settled() || self.waiting.is_empty() {
            return None;
        }
        let next = self.waiting.remove(0);
        self.change_waits &= !self.waiting.is_empty();
        Some(next)
    }

    /// Whether a flush has to tell that something was not written. Told once.
    pub fn take_loss(&mut self) -> bool {
        self.stand_in.take_loss()
    }
}
