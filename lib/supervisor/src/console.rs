// SPDX-License-Identifier: BSD-2-Clause
//! Trace lines. While the guests wait, events are only noted; they are printed when requests flow again.

use heapless::Deque;
use molt_system::{NONE, Ring};
use molt_trace::ring::Writer;
use molt_trace::{Event, Line, WordRef};

use crate::Kernel;

/// The most events that are noted; further ones are only counted.
const NOTED: usize = 128;

/// The connection to `serial`.
pub struct Console<'m> {
    writer: Writer<'m>,
    serial: Option<u32>,
    noted: Deque<Line<WordRef<'m>>, NOTED>,
    lost: u64,
}

/// The longest time that an event waits for the end of a blackout, in ns.
const PATIENCE_NS: u64 = 50_000_000;

impl<'m> Console<'m> {
    /// A console with the plan's ring.
    pub fn new(kernel: &impl Kernel<'m>, ring: &Ring) -> Self {
        Self {
            writer: Writer::new(kernel.words(ring.vaddr, ring.size)),
            serial: (ring.channel != NONE).then_some(ring.channel),
            noted: Deque::new(),
            lost: 0,
        }
    }

    /// Notes an event.
    pub fn note(&mut self, time_ns: u64, event: Event<WordRef<'m>>) {
        if self.noted.push_back(Line { time_ns, event }).is_err() {
            self.lost += 1;
        }
    }

    /// Prints a line at once, behind what was noted.
    pub fn say(&mut self, kernel: &impl Kernel<'m>, text: core::fmt::Arguments<'_>) {
        self.print(kernel);
        if self.writer.line(text)
            && let Some(serial) = self.serial
        {
            kernel.notify(serial);
        }
    }

    /// Whether the oldest event has waited too long, and when it will have, in us.
    pub fn overdue(&self, now_ns: u64) -> (bool, Option<u64>) {
        let due = self.noted.front().map(|line| line.time_ns + PATIENCE_NS);
        (
            due.is_some_and(|due| due <= now_ns),
            due.map(|due| due / 1000 + 1),
        )
    }

    /// Prints what was noted.
    pub fn print(&mut self, kernel: &impl Kernel<'m>) {
        let mut some = false;
        while let Some(line) = self.noted.pop_front() {
            some |= self.writer.line(line);
        }
        if self.lost > 0 {
            let lost = self.lost;
            some |= self.writer.line(format_args!("{lost} events lost"));
            self.lost = 0;
        }
        if some && let Some(serial) = self.serial {
            kernel.notify(serial);
        }
    }
}
