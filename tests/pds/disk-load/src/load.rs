// SPDX-License-Identifier: BSD-2-Clause
//! The rows, one after the other: some requests that are not measured, and then those that are.

use alloc::vec::Vec;

use molt_block_queue::{Client, Op, Request, SECTOR, Segment, Status, Token};
use molt_clock::{Frequency, Ticks, mark_begin, mark_end, now};
use molt_gate::Statistics;
use molt_guest::{Measured, Wanted};
use molt_system::{VmmBrief, VmmShare};
use molt_test_native::{Console, Plan, Work};
use sel4_microkit::var;

use crate::row::{DEEPEST, ROWS, Row};

/// Bytes of a request.
const BLOCK: usize = 4096;
const SECTORS: u32 = (BLOCK as u64 / SECTOR) as u32;
/// Requests before the measurement, and the most in one.
const WARM_UP: usize = 200;
const MOST: usize = 1 << 16;
/// Offsets are within this many bytes from the start of the share.
const SPAN: u64 = 16 << 20;

#[derive(Clone, Copy)]
struct Flight {
    token: Token,
    start: Ticks,
}

/// The row that is being measured.
struct Current {
    row: &'static Row,
    /// Requests that were begun and that have ended, of those that are measured or those before them.
    begun: usize,
    ended: usize,
    /// When the first one that is measured began.
    start: Option<Ticks>,
}

/// The load, and its counters.
pub struct Load {
    wanted: Option<Wanted>,
    clock: Frequency,
    blocks: u64,
    random: u64,
    flights: [Option<Flight>; DEEPEST],
    next: usize,
    current: Option<Current>,
    /// In ticks until the row is at its end.
    times: Vec<u32>,
    finished: Option<(&'static Row, Ticks)>,
    closed: bool,
    statistics: Statistics,
    /// The last one, which the next one is made of: most of it is room for segments.
    request: Request,
}

impl Current {
    const fn new(row: &'static Row) -> Self {
        Self {
            row,
            begun: 0,
            ended: 0,
            start: None,
        }
    }
}

impl Load {
    /// How many requests are made before it goes on.
    fn goal(&self, current: &Current) -> usize {
        let requests = self.wanted.map_or(0, |wanted| wanted.requests);
        let requests = requests.clamp(1, MOST);
        match current.start {
            Some(_) => requests,
            None => requests.min(WARM_UP),
        }
    }

    /// Begins the next row that is asked for.
    fn begin(&mut self) {
        let Some(wanted) = self.wanted else {
            return;
        };
        let mut rows = ROWS.iter().enumerate().skip(self.next);
        let next = rows.find(|(_, row)| wanted.has(row.name));
        self.next = next.map_or(ROWS.len(), |(index, _)| index + 1);
        self.current = next.map(|(_, row)| Current::new(row));
        self.random = wanted.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }

    fn sector(&mut self) -> u64 {
        // xorshift64 (Marsaglia, 2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % self.blocks * u64::from(SECTORS)
    }

    /// A request has ended: the last one before the measurement begins it, and the last one of it ends it.
    fn ended(&mut self, took: Ticks) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        current.ended += 1;
        if current.start.is_some() {
            self.times.push(u32::try_from(took.0).unwrap_or(u32::MAX));
        }
        if current.ended < self.goal(&current) {
            self.current = Some(current);
            return;
        }
        match current.start {
            None => {
                self.times.clear();
                self.current = Some(Current {
                    start: Some(now()),
                    ..Current::new(current.row)
                });
                mark_begin();
            }
            Some(start) => {
                mark_end();
                self.finished = Some((current.row, now().since(start)));
            }
        }
    }
}

impl Work for Load {
    type Payload = Request;
    type Wrong = &'static str;

    const PLAN: Plan = Plan {
        wanted: u64::MAX,
        every: u64::MAX,
        progress: u64::MAX,
    };

    fn new(_: &VmmBrief, share: &VmmShare) -> Self {
        let address = *var!(arguments: usize = 0);
        let size = *var!(arguments_size: usize = 0);
        let text = str::from_utf8(molt_brief::bytes(address as u64, size as u64)).unwrap_or("");
        // The memory's last page is filled up with zeros.
        let text = text.trim_end_matches('\0');
        Self {
            wanted: (!text.is_empty()).then(|| Wanted::read(text.split_whitespace())),
            clock: Frequency::of_this_machine(),
            blocks: (share.share[1].min(SPAN / SECTOR) / u64::from(SECTORS)).max(1),
            random: 1,
            flights: [None; DEEPEST],
            next: 0,
            current: None,
            times: Vec::with_capacity(MOST),
            finished: None,
            closed: false,
            statistics: Statistics::default(),
            request: Request {
                op: Op::Read,
                sector: 0,
                sectors: SECTORS,
                segments: [Segment::default()].into_iter().collect(),
            },
        }
    }

    fn fill(&mut self, queue: &mut Client<'static>) {
        if self.current.is_none() && !self.closed {
            self.begin();
        }
        let Some(Current { row, begun, .. }) = self.current else {
            return;
        };
        let left = self.current.as_ref().map_or(0, |c| self.goal(c)) - begun;
        let mut some = 0;
        for slot in 0..row.depth {
            if some == left || self.flights.get(slot).is_none_or(Option::is_some) {
                continue;
            }
            let start = now();
            self.request.op = row.op;
            self.request.sector = self.sector();
            if let Some(segment) = self.request.segments.first_mut() {
                segment.offset = (slot * BLOCK) as u64;
                segment.len = BLOCK as u32;
            }
            if let Ok(token) = queue.submit(&self.request) {
                some += 1;
                self.flights[slot] = Some(Flight { token, start });
            }
        }
        if let Some(current) = &mut self.current {
            current.begun += some;
        }
    }

    fn complete(
        &mut self,
        _: &mut Client<'static>,
        token: Token,
        status: Status,
    ) -> Result<(), &'static str> {
        let is = |flight: &&mut Option<Flight>| flight.is_some_and(|flight| flight.token == token);
        let Some(flight) = self.flights.iter_mut().find(is).and_then(Option::take) else {
            self.statistics.errors += 1;
            return Err("a completion of what was not asked for");
        };
        self.statistics.requests += 1;
        self.ended(now().since(flight.start));
        if status != Status::Ok {
            self.statistics.errors += 1;
            return Err("a request failed");
        }
        Ok(())
    }

    fn news(&mut self, console: &Console) {
        let Some((row, elapsed)) = self.finished.take() else {
            return;
        };
        for time in &mut self.times {
            let ns = self.clock.ns(Ticks((*time).into()));
            *time = u32::try_from(ns).unwrap_or(u32::MAX);
        }
        let measured = Measured {
            name: row.name,
            bytes: BLOCK,
            depth: row.depth,
            elapsed_ns: self.clock.ns(elapsed),
        };
        measured.print(&mut self.times, |line| console.say(line));
    }

    fn close(&mut self) {
        self.closed = true;
        self.current = None;
    }

    fn finished(&self) -> bool {
        self.wanted.is_some()
            && self.flights.iter().all(Option::is_none)
            && self.current.is_none()
            && (self.closed || self.next == ROWS.len())
    }

    fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}
