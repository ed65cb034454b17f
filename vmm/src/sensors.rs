// SPDX-License-Identifier: BSD-2-Clause
//! The guest's window to a controller's sensors: a few registers (`molt_sensor_queue::window`) that submit requests to the
//! driver's queue, one at a time.
//!
//! While the queue is closed, a request stays in the client's private record, and the guest waits (technique `hold`). Or the guest
//! gets the value that the sensor had when it was read last, marked as stale, as long as there is one (`stand-in`). Once
//! there will be no driver any more, each read ends as failed.

use core::sync::atomic::{AtomicU64, Ordering};

use molt_sensor_queue::window::{self, Status};
use molt_sensor_queue::{Answer, Request};

use crate::bus::{Device, World};
use crate::syndrome::Width;
use crate::virtio::link::Link;

/// Sensors whose last value is remembered: those with lower numbers.
const REMEMBERED: usize = 32;
/// Doublewords of registers.
const REGISTERS: usize = window::END as usize / 8;

/// The sensors of one controller.
pub struct Sensors<'a> {
    link: Link<'a, Request>,
    /// Where the guest reads the registers without an exit.
    page: &'a [AtomicU64],
    sensor: u32,
    status: Status,
    value: u32,
    answers: u32,
    interrupt: bool,
    /// When the sensor was asked for.
    since: u64,
    stand_in: bool,
    /// By sensor: what it had when it was read last.
    last: [Option<u32>; REMEMBERED],
    /// The answer that the driver owes is for the guest before its reset.
    stale: bool,
}

impl<'a> Sensors<'a> {
    /// Sensors over this link. `page` is where the guest reads the registers without an exit; empty where it does not.
    #[must_use]
    pub fn new(link: Link<'a, Request>, page: &'a [AtomicU64]) -> Self {
        let sensors = Self {
            link,
            page,
            sensor: 0,
            status: Status::Idle,
            value: 0,
            answers: 0,
            interrupt: false,
            since: 0,
            stand_in: false,
            last: [None; REMEMBERED],
            stale: false,
        };
        sensors.publish();
        sensors
    }

    /// With the technique `stand-in`, if `stand_in`.
    #[must_use]
    pub const fn standing_in(mut self, stand_in: bool) -> Self {
        self.stand_in = stand_in;
        self
    }

    fn register(&self, offset: u64, width: Width) -> u32 {
        if width != Width::Word {
            return 0;
        }
        match offset {
            window::MAGIC => window::MAGIC_VALUE,
            window::VERSION => window::VERSION_VALUE,
            window::SENSOR => self.sensor,
            window::STATUS => self.status as u32,
            window::VALUE => self.value,
            window::ANSWERS => self.answers,
            window::INTERRUPT_STATUS => self.interrupt.into(),
            _ => 0,
        }
    }

    /// Writes all registers into the page.
    fn publish(&self) {
        for (n, word) in self.page.iter().enumerate().take(REGISTERS) {
            let at = 8 * n as u64;
            let low = u64::from(self.register(at, Width::Word));
            let high = u64::from(self.register(at + 4, Width::Word));
            word.store((high << 32 | low).to_le(), Ordering::Release);
        }
    }

    /// Asks the driver for this sensor, if none is asked for.
    fn ask(&mut self, sensor: u32, world: &mut World<'_>) {
        // One request is owed at the most, so there is room.
        if self.status == Status::Busy || self.link.client().submit(&Request { sensor }).is_err() {
            return;
        }
        (self.sensor, self.status) = (sensor, Status::Busy);
        self.since = world.platform.now();
        self.link.tell(world);
    }

    /// Takes the driver's answer, if there is one.
    fn complete(&mut self, world: &mut World<'_>) {
        while let Some((_, answer)) = self.link.next_answer() {
            if core::mem::take(&mut self.stale) {
                continue;
            }
            if let Answer::Value(value) = answer {
                self.value = value;
                if let Some(last) = self.last.get_mut(self.sensor as usize) {
                    *last = Some(value);
                }
            }
            self.end(answer.into(), world);
            // That there is no such sensor is the guest's own error.
            world.counters.errors += u64::from(matches!(answer, Answer::Faulty | Answer::Failed));
        }
    }

    /// Answers from what was read last, if the driver is away and that is wanted and known.
    fn stand_in(&mut self, world: &mut World<'_>) {
        let last = self.last.get(self.sensor as usize).copied().flatten();
        let (true, Status::Busy, Some(value)) = (self.stand_in, self.status, last) else {
            return;
        };
        // While there is a driver, or once there will be none, there is nothing to take back.
        if self.link.takes() || self.link.client().withdraw(|_| true).is_none() {
            return;
        }
        self.value = value;
        self.end(Status::Stale, world);
    }

    /// The read has ended.
    fn end(&mut self, status: Status, world: &mut World<'_>) {
        self.status = status;
        self.answers = self.answers.wrapping_add(1);
        self.interrupt = true;
        let latency = world.platform.now().saturating_sub(self.since);
        let counters = &mut *world.counters;
        counters.requests += 1;
        counters.max_latency = counters.max_latency.max(latency);
    }
}

impl Device for Sensors<'_> {
    fn size(&self) -> u64 {
        window::SIZE
    }

    fn read(&mut self, offset: u64, width: Width) -> u64 {
        self.register(offset, width).into()
    }

    fn write(&mut self, offset: u64, width: Width, value: u64, world: &mut World<'_>) {
        match (offset, width) {
            (window::SENSOR, Width::Word) => {
                self.ask(value as u32, world);
                // Where nobody serves, or at once, there is an answer already.
                self.poll(world);
            }
            (window::INTERRUPT_STATUS, Width::Word) if value & 1 == 1 => {
                self.interrupt = false;
                self.publish();
            }
            _ => {}
        }
    }

    fn interrupt(&self) -> bool {
        self.interrupt
    }

    fn pauses(&mut self) -> bool {
        // Where the last value serves, the guest need not stand still.
        self.link.pauses() && !(self.stand_in && self.status != Status::Busy)
    }

    /// The guest starts anew when the answer that it does not want any more has come, so that one is owed at the most.
    fn is_busy(&self) -> bool {
        self.stale
    }

    fn reset(&mut self, _: &mut World<'_>) {
        self.stale |= self.status == Status::Busy;
        (self.sensor, self.status, self.value) = (0, Status::Idle, 0);
        (self.answers, self.interrupt) = (0, false);
        self.publish();
    }

    fn poll(&mut self, world: &mut World<'_>) {
        // What the old generation completed before it was stopped is taken now: the region is still there until the change of
        // the gate is acknowledged.
        self.complete(world);
        self.link.follow(world);
        self.complete(world);
        self.stand_in(world);
        self.link.account(self.link.owed(), world);
        self.publish();
    }
}
