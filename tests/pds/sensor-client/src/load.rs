// SPDX-License-Identifier: BSD-2-Clause
//! The load: one read of each sensor in flight.

use molt_clock::{Frequency, Ticks};
use molt_gate::Statistics;
use molt_guest::Readings;
use molt_guest::readings::{ABSENT, SENSORS};
use molt_sensor_queue::{Answer, Client, Request, Token};

/// Reads in flight: of each sensor, and of one that there is not.
const DEPTH: usize = SENSORS as usize + 1;

#[derive(Clone, Copy)]
struct Flight {
    token: Token,
    start: Ticks,
}

/// The load, and its counters.
pub struct Load {
    clock: Frequency,
    flights: [Option<Flight>; DEPTH],
    readings: Readings,
    closed: bool,
    /// The statistics for `update` and for the console.
    pub statistics: Statistics,
}

impl Load {
    /// Nothing is in flight.
    pub fn new() -> Self {
        Self {
            clock: Frequency::of_this_machine(),
            flights: [None; DEPTH],
            readings: Readings::default(),
            closed: false,
            statistics: Statistics::default(),
        }
    }

    /// Asks for nothing any more.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether all is done.
    pub fn finished(&self) -> bool {
        self.closed && self.flights.iter().all(Option::is_none)
    }

    /// The version of the firmware that the values show.
    pub fn version(&self) -> u32 {
        self.readings.version()
    }

    /// The controller's count of starts.
    pub fn boots(&self) -> u32 {
        self.readings.boots()
    }

    /// Puts every free slot in flight.
    pub fn fill(&mut self, queue: &mut Client<'_>) {
        if self.closed {
            return;
        }
        for (slot, flight) in self.flights.iter_mut().enumerate() {
            if flight.is_none() {
                let sensor = sensor(slot);
                let start = molt_clock::now();
                let token = queue.submit(&Request { sensor }).ok();
                *flight = token.map(|token| Flight { token, start });
            }
        }
    }

    /// Takes one completion. Returns what is wrong with it, if anything.
    pub fn complete(&mut self, token: Token, answer: Answer) -> Result<(), (u32, &'static str)> {
        let is = |flight: &Option<Flight>| flight.is_some_and(|flight| flight.token == token);
        let slot = self.flights.iter().position(is);
        let flight = slot.and_then(|slot| self.flights.get_mut(slot)?.take());
        let (Some(slot), Some(flight)) = (slot, flight) else {
            self.statistics.errors += 1;
            return Err((0, "a completion of what was not asked for"));
        };
        let latency = self.clock.ns(molt_clock::now().since(flight.start));
        let statistics = &mut self.statistics;
        statistics.requests += 1;
        statistics.max_latency_ns = statistics.max_latency_ns.max(latency);
        let sensor = sensor(slot);
        let checked = match answer {
            Answer::Absent if sensor == ABSENT => Ok(()),
            Answer::Value(value) => self.readings.take(sensor, value),
            Answer::Absent => Err("there is no such sensor"),
            Answer::Faulty => Err("the controller could not read it"),
            Answer::Failed => Err("there is no driver any more"),
        };
        statistics.bytes_verified = self.readings.checked * size_of::<u32>() as u64;
        checked.map_err(|wrong| {
            statistics.errors += 1;
            (sensor, wrong)
        })
    }
}

/// The sensor that a slot reads: always the same, so that of each sensor the answers come in order.
fn sensor(slot: usize) -> u32 {
    match slot as u32 {
        SENSORS => ABSENT,
        sensor => sensor,
    }
}
