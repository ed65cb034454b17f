// SPDX-License-Identifier: BSD-2-Clause
//! The load: one read of each sensor in flight.

use core::fmt;

use molt_clock::{Frequency, Ticks};
use molt_gate::Statistics;
use molt_guest::Readings;
use molt_guest::readings::{ABSENT, SENSORS};
use molt_sensor_queue::{Answer, Client, Request, Token};
use molt_system::{VmmBrief, VmmShare};
use molt_test_native::{Console, Plan, Work};

/// Reads in flight: of each sensor, and of one that there is not.
const DEPTH: usize = SENSORS as usize + 1;

#[derive(Clone, Copy)]
struct Flight {
    token: Token,
    start: Ticks,
}

/// What is wrong with an answer.
pub struct Wrong {
    sensor: u32,
    what: &'static str,
    answer: Answer,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sensor,
            what,
            answer,
        } = self;
        write!(f, "sensor {sensor}: {what}, {answer:?}")
    }
}

/// The load, and its counters.
pub struct Load {
    clock: Frequency,
    flights: [Option<Flight>; DEPTH],
    readings: Readings,
    /// The firmware that was told of last.
    version: u32,
    closed: bool,
    statistics: Statistics,
}

impl Work for Load {
    type Payload = Request;
    type Wrong = Wrong;

    const PLAN: Plan = Plan {
        wanted: 3_000,
        every: 500,
        progress: 1_000,
    };

    fn new(_: &VmmBrief, _: &VmmShare) -> Self {
        Self {
            clock: Frequency::of_this_machine(),
            flights: [None; DEPTH],
            readings: Readings::default(),
            version: 0,
            closed: false,
            statistics: Statistics::default(),
        }
    }

    fn fill(&mut self, queue: &mut Client<'static>) {
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

    fn complete(
        &mut self,
        _: &mut Client<'static>,
        token: Token,
        answer: Answer,
    ) -> Result<(), Wrong> {
        let is = |flight: &Option<Flight>| flight.is_some_and(|flight| flight.token == token);
        let slot = self.flights.iter().position(is);
        let flight = slot.and_then(|slot| self.flights.get_mut(slot)?.take());
        let (Some(slot), Some(flight)) = (slot, flight) else {
            self.statistics.errors += 1;
            return Err(Wrong {
                sensor: 0,
                what: "a completion of what was not asked for",
                answer,
            });
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
        checked.map_err(|what| {
            statistics.errors += 1;
            Wrong {
                sensor,
                what,
                answer,
            }
        })
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

    /// Tells of another firmware.
    fn news(&mut self, console: &Console) {
        let version = self.readings.version();
        if version != self.version {
            self.version = version;
            let boots = self.readings.boots();
            console.say(format_args!("sensors: firmware {version}, boots {boots}"));
        }
    }

    fn counters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reads, boots) = (self.statistics.requests, self.readings.boots());
        write!(f, " sensor_reads={reads} boots={boots}")
    }
}

/// The sensor that a slot reads: always the same, so that of each sensor the answers come in order.
fn sensor(slot: usize) -> u32 {
    match slot as u32 {
        SENSORS => ABSENT,
        sensor => sensor,
    }
}
