// SPDX-License-Identifier: BSD-2-Clause
//! The load: buffers of different lengths, each filled again as soon as its bytes were looked at.

use molt_clock::{Frequency, Ticks};
use molt_entropy_queue::{Answer, Client, Request, Token};
use molt_gate::Statistics;
use molt_guest::pattern;
use molt_shared::Memory;
use molt_system::{VmmBrief, VmmShare};
use molt_test_native::{Plan, Work, brief};

/// Requests in flight.
const DEPTH: usize = 8;
/// Bytes of the longest request.
const LONGEST: usize = 1024;
/// Bytes of a buffer: those behind a request's have to stay zeros.
const ROOM: usize = LONGEST + 64;
/// Answers of at least so many bytes are compared with earlier ones. That two are the same by chance takes 2^64 answers.
const SAMPLE: usize = 16;
/// How many earlier ones.
const SAMPLES: usize = 64;

#[derive(Clone, Copy)]
struct Flight {
    token: Token,
    len: usize,
    start: Ticks,
}

/// The load, and its counters.
pub struct Load {
    memory: Memory,
    clock: Frequency,
    random: u64,
    flights: [Option<Flight>; DEPTH],
    /// The first bytes of the newest answers.
    samples: [[u8; SAMPLE]; SAMPLES],
    sampled: usize,
    closed: bool,
    statistics: Statistics,
}

impl Load {
    /// Looks at what the device has written to a buffer, of which `len` bytes were asked for and `filled` are there.
    fn check(&mut self, slot: usize, len: usize, filled: usize) -> Result<(), &'static str> {
        let mut data = [0; ROOM];
        let _ = self.memory.read(slot * ROOM, &mut data);
        // An earlier generation may have filled more of the buffer than the one that has answered.
        let (asked, behind) = data.split_at(len);
        if behind.iter().any(|byte| *byte != 0) {
            return Err("there are bytes behind those that were asked for");
        }
        let bytes = asked.get(..filled).ok_or("an answer is too long")?;
        let (Some(first), Some(last)) =
            (bytes.first_chunk::<SAMPLE>(), bytes.last_chunk::<SAMPLE>())
        else {
            return Ok(());
        };
        if *first == [0; SAMPLE] || *last == [0; SAMPLE] {
            return Err("an answer has zeros");
        }
        if self.samples.contains(first) {
            return Err("two answers are the same");
        }
        self.samples[self.sampled % SAMPLES] = *first;
        self.sampled += 1;
        self.statistics.bytes_verified += filled as u64;
        Ok(())
    }
}

impl Work for Load {
    type Payload = Request;
    type Wrong = &'static str;

    const PLAN: Plan = Plan {
        wanted: 6_000,
        every: 1_000,
        progress: 2_000,
    };

    fn new(brief: &VmmBrief, _: &VmmShare) -> Self {
        Self {
            memory: brief::memory(brief),
            clock: Frequency::of_this_machine(),
            random: pattern::next(1),
            flights: [None; DEPTH],
            samples: [[0; SAMPLE]; SAMPLES],
            sampled: 0,
            closed: false,
            statistics: Statistics::default(),
        }
    }

    fn fill(&mut self, queue: &mut Client<'static>) {
        if self.closed {
            return;
        }
        for (slot, flight) in self.flights.iter_mut().enumerate() {
            if flight.is_some() {
                continue;
            }
            self.random = pattern::next(self.random);
            let len = 1 + self.random as usize % LONGEST;
            // The memory has room for a buffer of each slot, or every comparison fails.
            let _ = self.memory.write(slot * ROOM, &[0; ROOM]);
            let request = Request {
                offset: (slot * ROOM) as u64,
                len: len as u32,
            };
            let start = molt_clock::now();
            let token = queue.submit(&request).ok();
            *flight = token.map(|token| Flight { token, len, start });
        }
    }

    fn complete(
        &mut self,
        _: &mut Client<'static>,
        token: Token,
        answer: Answer,
    ) -> Result<(), &'static str> {
        let is = |flight: &Option<Flight>| flight.is_some_and(|flight| flight.token == token);
        let slot = self.flights.iter().position(is);
        let flight = slot.and_then(|slot| Some((slot, self.flights[slot].take()?)));
        let Some((slot, flight)) = flight else {
            self.statistics.errors += 1;
            return Err("a completion of what was not asked for");
        };
        let latency = self.clock.ns(molt_clock::now().since(flight.start));
        self.statistics.requests += 1;
        self.statistics.max_latency_ns = self.statistics.max_latency_ns.max(latency);
        let checked = match answer {
            Answer::Filled(filled) => self.check(slot, flight.len, filled as usize),
            Answer::Failed => Err("there is no driver any more"),
        };
        checked.inspect_err(|_| self.statistics.errors += 1)
    }

    fn close(&mut self) {
        self.closed = true;
    }

    fn finished(&self) -> bool {
        self.closed && self.flights.iter().all(Option::is_none)
    }

    fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}
