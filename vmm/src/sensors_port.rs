// SPDX-License-Identifier: BSD-2-Clause
//! A controller's sensors on a port of a virtio console, in lines of text: for guests whose kernel has that driver.
//!
//! The line `read` is answered by one line with the values of sensors 0, 1, 2 and so on, up to the first that the controller does
//! not have, separated by spaces. In the place of a value that could not be read is `faulty`, or `failed` where there is no
//! driver any more. Another line is answered by `unknown`. While an answer is being made or has not been read, no further line
//! is taken: it waits in the guest's queue.
//!
//! While the driver's queue is closed, a request stays in the client's private record, and the guest waits for its line (technique
//! `hold`). Or the guest gets the last line once more, with `stale` before it, if there was one without an error (`stand-in`).

use core::fmt::Write;

use heapless::{String, Vec};
use molt_sensor_queue::{Answer, Request};

use crate::bus::World;
use crate::virtio::link::Link;
use crate::virtio::port::Port;

/// By which a guest finds the port.
pub const NAME: &str = "org.molt.sensors";
/// Most sensors in a line.
pub const SENSORS: u32 = 32;
/// Longest line of a guest that is understood.
const COMMAND: usize = 16;
/// Before a line of the technique `stand-in`.
const STALE: &str = "stale ";
/// Longest answer: each value has at most ten digits.
const ANSWER: usize = STALE.len() + 11 * SENSORS as usize + 1;

/// The sensors of one controller.
pub struct SensorsPort<'a> {
    link: Link<'a, Request>,
    /// The line that the guest is sending; longer ones are cut off.
    command: Vec<u8, COMMAND>,
    cut_off: bool,
    /// The sensor that is asked for, while a line is made.
    asked: Option<u32>,
    answer: String<ANSWER>,
    /// Bytes of the answer that were given; only a complete one is.
    given: usize,
    /// The answer that the driver owes is for a session that has ended.
    stale: bool,
    since: u64,
    stand_in: bool,
    /// The last line without an error; empty: there was none.
    last: String<ANSWER>,
    /// The line that is being made has an error.
    faulty: bool,
}

impl<'a> SensorsPort<'a> {
    /// Sensors over this link.
    #[must_use]
    pub fn new(link: Link<'a, Request>) -> Self {
        Self {
            link,
            command: Vec::new(),
            cut_off: false,
            asked: None,
            answer: String::new(),
            given: 0,
            stale: false,
            since: 0,
            stand_in: false,
            last: String::new(),
            faulty: false,
        }
    }

    /// With the technique `stand-in`, if `stand_in`.
    #[must_use]
    pub const fn standing_in(mut self, stand_in: bool) -> Self {
        self.stand_in = stand_in;
        self
    }

    /// Whether the next line has to wait.
    fn is_busy(&self) -> bool {
        self.asked.is_some() || !self.answer.is_empty()
    }

    fn obey(&mut self, world: &mut World<'_>) {
        let known = self.command.trim_ascii() == b"read" && !self.cut_off;
        self.command.clear();
        self.cut_off = false;
        match known {
            true => {
                self.faulty = false;
                self.ask(0, world);
                self.stand_in();
            }
            // There is room: the answer is empty.
            false => drop(self.answer.push_str("unknown\n")),
        }
    }

    fn ask(&mut self, sensor: u32, world: &mut World<'_>) {
        self.asked = Some(sensor);
        self.since = world.platform.now();
        // No other request is owed, so there is room.
        let _ = self.link.client().submit(&Request { sensor });
        self.link.tell(world);
    }

    /// Takes the driver's answers.
    fn complete(&mut self, world: &mut World<'_>) {
        while let Some((_, answer)) = self.link.next_answer() {
            let counters = &mut *world.counters;
            counters.requests += 1;
            counters.errors += u64::from(matches!(answer, Answer::Faulty | Answer::Failed));
            let latency = world.platform.now().saturating_sub(self.since);
            counters.max_latency = counters.max_latency.max(latency);
            if core::mem::take(&mut self.stale) {
                continue;
            }
            if let Some(sensor) = self.asked.take() {
                self.add(sensor, answer, world);
            }
        }
    }

    /// Adds a value to the line, and asks for the next one.
    fn add(&mut self, sensor: u32, answer: Answer, world: &mut World<'_>) {
        let space = if sensor == 0 { "" } else { " " };
        // There is room for all of them.
        let _ = match answer {
            Answer::Absent => Ok(()),
            Answer::Value(value) => write!(self.answer, "{space}{value}"),
            Answer::Faulty => write!(self.answer, "{space}faulty"),
            Answer::Failed => write!(self.answer, "{space}failed"),
        };
        self.faulty |= matches!(answer, Answer::Faulty | Answer::Failed);
        let last = matches!(answer, Answer::Absent | Answer::Failed) || sensor + 1 == SENSORS;
        match last {
            true => {
                // There is room.
                let _ = self.answer.push('\n');
                if !self.faulty {
                    self.last.clone_from(&self.answer);
                }
            }
            false => self.ask(sensor + 1, world),
        }
    }

    /// Gives the last line once more, if the driver is away and that is wanted.
    fn stand_in(&mut self) {
        if !self.stand_in || self.last.is_empty() || self.asked.is_none() {
            return;
        }
        // While there is a driver, or once there will be none, there is nothing to take back.
        if self.link.takes() || self.link.client().withdraw(|_| true).is_none() {
            return;
        }
        self.asked = None;
        self.answer.clear();
        // There is room.
        let _ = write!(self.answer, "{STALE}{}", self.last);
    }
}

impl Port for SensorsPort<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn open(&mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.stale |= self.asked.take().is_some();
        self.command.clear();
        self.cut_off = false;
        self.answer.clear();
        self.given = 0;
    }

    fn take(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize {
        let mut taken = 0;
        for byte in bytes {
            // The request of a session that has ended is waited for, so that no more than one is owed.
            if self.is_busy() || self.stale {
                break;
            }
            taken += 1;
            match byte {
                b'\n' => self.obey(world),
                byte => self.cut_off |= self.command.push(*byte).is_err(),
            }
        }
        taken
    }

    fn give(&mut self, room: &mut [u8]) -> usize {
        if self.asked.is_some() {
            return 0;
        }
        let rest = self.answer.as_bytes().get(self.given..).unwrap_or_default();
        let count = rest.len().min(room.len());
        for (to, from) in room.iter_mut().zip(rest) {
            *to = *from;
        }
        self.given += count;
        if self.given == self.answer.len() {
            self.answer.clear();
            self.given = 0;
        }
        count
    }

    fn pauses(&self) -> bool {
        // Where the last line serves, the guest need not stand still.
        self.link.pauses() && !(self.stand_in && self.asked.is_none())
    }

    fn poll(&mut self, world: &mut World<'_>) -> bool {
        // What the old generation completed before it was stopped is taken now: the region is still there until the change of
        // the gate is acknowledged.
        self.complete(world);
        self.link.follow(world);
        self.complete(world);
        self.stand_in();
        self.link.account(self.link.owed(), world);
        true
    }
}
