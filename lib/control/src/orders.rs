// SPDX-License-Identifier: BSD-2-Clause
//! The page `orders`.
//!
//! | word | content |
//! |---|---|
//! | 0 | generation that the page is meant for |
//! | 1 | start: 0 cold, 1 warm |
//! | 2 | order: `serial << 8 \| kind` (1 run, 2 quiesce) |
//! | 3 | beat: incremented each time that `update` asks for a heartbeat |
//! | 4 | bytes of the firmware that the device has to run before the generation is ready; 0: none |
//! | 5 | transfer: `serial << 32 \| bytes` of the firmware that the next generation brings; 0: none is wanted |
//! | 6 | 1: the image that the generation runs is the committed one |

use core::sync::atomic::{AtomicU64, Ordering};

/// How a generation takes the device over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// From reset. The clients submit again what was not completed.
    Cold,
    /// From the state in the capsule.
    Warm,
}

/// What `update` wants of the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Serve.
    Run,
    /// Take no more requests, settle or record what is in flight, report.
    Quiesce,
}

/// `update`'s side.
pub struct OrdersWriter<'a> {
    words: &'a [AtomicU64],
    serial: u64,
    beat: u64,
    transfer: u32,
}

impl<'a> OrdersWriter<'a> {
    /// Takes the whole page.
    #[must_use]
    pub fn new(words: &'a [AtomicU64]) -> Self {
        Self {
            words,
            serial: 0,
            beat: 0,
            transfer: 0,
        }
    }

    /// Writes the page for a generation that is about to start, with `firmware` bytes of firmware for its device.
    pub fn start(&mut self, generation: u64, start: Start, firmware: u32) {
        self.store(0, generation);
        self.store(1, u64::from(start == Start::Warm));
        self.store(4, firmware.into());
        self.store(5, 0);
        self.store(6, 0);
        self.order(Order::Run);
    }

    /// Asks for the transfer of the next firmware, of `bytes` bytes (not 0), to the device's spare bank; returns the serial number of the
    /// answer. The generation is to be signalled afterwards, and the firmware stays mapped until it has answered.
    pub fn transfer(&mut self, bytes: u32) -> u32 {
        self.transfer = self.transfer.wrapping_add(1).max(1);
        self.store(5, u64::from(self.transfer) << 32 | u64::from(bytes));
        self.transfer
    }

    /// Says that the image that the generation runs is the committed one. The generation is to be signalled afterwards.
    pub fn committed(&self) {
        self.store(6, 1);
    }

    /// Gives a new order; returns its serial number. The generation is to be signalled afterwards.
    pub fn order(&mut self, order: Order) -> u64 {
        self.serial += 1;
        let kind = match order {
            Order::Run => 1,
            Order::Quiesce => 2,
        };
        self.store(2, self.serial << 8 | kind);
        self.serial
    }

    /// Asks for a heartbeat; returns the number that [`crate::ReportView::beat`] has to reach.
    pub fn ask_beat(&mut self) -> u64 {
        self.beat += 1;
        self.store(3, self.beat);
        self.beat
    }

    fn store(&self, index: usize, value: u64) {
        if let Some(word) = self.words.get(index) {
            word.store(value, Ordering::Release);
        }
    }
}

/// The driver's side; reads only.
#[derive(Clone, Copy)]
pub struct Orders<'a>(&'a [AtomicU64]);

impl<'a> Orders<'a> {
    /// Takes the whole page.
    #[must_use]
    pub const fn new(words: &'a [AtomicU64]) -> Self {
        Self(words)
    }

    /// The generation's own number.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.load(0)
    }

    /// How to take the device over.
    #[must_use]
    pub fn start(&self) -> Start {
        if self.load(1) == 1 {
            Start::Warm
        } else {
            Start::Cold
        }
    }

    /// The newest order and its serial number.
    #[must_use]
    pub fn order(&self) -> (Order, u64) {
        let word = self.load(2);
        let order = if word & 0xff == 2 {
            Order::Quiesce
        } else {
            Order::Run
        };
        (order, word >> 8)
    }

    /// The number of the newest heartbeat that was asked for.
    #[must_use]
    pub fn beat(&self) -> u64 {
        self.load(3)
    }

    /// Bytes of the firmware that the device has to run before the generation is ready; 0: none.
    #[must_use]
    pub fn firmware(&self) -> usize {
        usize::try_from(self.load(4)).unwrap_or(usize::MAX)
    }

    /// The transfer that is wanted: its serial number, and the bytes of the next firmware.
    #[must_use]
    pub fn transfer(&self) -> Option<(u32, usize)> {
        let word = self.load(5);
        let serial = (word >> 32) as u32;
        (serial != 0).then_some((serial, word as u32 as usize))
    }

    /// Whether the image that the generation runs is the committed one.
    #[must_use]
    pub fn committed(&self) -> bool {
        self.load(6) == 1
    }

    fn load(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |w| w.load(Ordering::Acquire))
    }
}
