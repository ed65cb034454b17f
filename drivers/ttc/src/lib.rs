// SPDX-License-Identifier: BSD-2-Clause
//! The first counter of a Cadence triple timer counter (AMD UG1085, chapter 16; registers in UG1087) as a one-shot timer.
//!
//! Times are values of the system counter. The interrupt may come too early: whoever is woken has to read the system
//! counter, and to set the timer again if it is not time yet. Therefore the timer's range does not limit the times that can
//! be set, although it has only 16 bits (on Zynq-7000 and in QEMU; 32 on the ZynqMP). The frequency of its clock cannot be
//! read anywhere, so [`Ttc::start`] measures it.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use molt_clock::Ticks;
use molt_shared::Mmio;

// Registers of counter 1; those of 2 and 3 follow each by 4 bytes.
const CLOCK: usize = 0x00;
const CONTROL: usize = 0x0c;
const VALUE: usize = 0x18;
const INTERVAL: usize = 0x24;
const INTERRUPT: usize = 0x54;
const INTERRUPT_ENABLE: usize = 0x60;

// Counter control.
const STOPPED: u32 = 1;
const INTERVAL_MODE: u32 = 1 << 1;
const RESTART: u32 = 1 << 4;
const NO_WAVEFORM: u32 = 1 << 5;

/// Interrupt: the interval has passed.
const PASSED: u32 = 1;

/// The largest value of a counter of 16 bits.
const MOST: u64 = 0xffff;
/// Largest prescaler: division by 2^16.
const LARGEST: u32 = 15;
/// The prescaler for measuring: division by 2^5, so that the measured time is well within the counter's range at any likely clock.
const MEASURING: u32 = 4;
/// The time for measuring, as a part of a second.
const MEASURED: u64 = 1000;

/// The timer.
#[derive(Debug)]
pub struct Ttc<R> {
    registers: R,
    /// Frequency of the timer's clock in Hz.
    hz: u64,
    /// Frequency of the system counter in Hz.
    counter_hz: u64,
}

/// The clock register's value for a division by 2^(`prescaler` + 1).
const fn prescaled(prescaler: u32) -> u32 {
    1 | prescaler << 1
}

impl<R: Mmio> Ttc<R> {
    /// Measures the timer's clock for a millisecond against the system counter, whose frequency is `counter_hz` and whose value
    /// `now` tells.
    pub fn start(registers: R, counter_hz: u64, now: impl Fn() -> Ticks) -> Self {
        registers.write(INTERRUPT_ENABLE, 0);
        registers.write(CONTROL, STOPPED);
        registers.write(CLOCK, prescaled(MEASURING));
        registers.write(CONTROL, RESTART | NO_WAVEFORM);
        let begin = now();
        let end = Ticks(begin.0.saturating_add(counter_hz / MEASURED));
        let mut last = begin;
        while last < end {
            last = now();
        }
        let counted = u64::from(registers.read(VALUE)) << (MEASURING + 1);
        registers.write(CONTROL, STOPPED);
        let passed = last.since(begin).0.max(1);
        let hz = u128::from(counted) * u128::from(counter_hz) / u128::from(passed);
        Self {
            registers,
            // A timer that does not count is treated as one that interrupts at once.
            hz: (hz as u64).max(1),
            counter_hz: counter_hz.max(1),
        }
    }

    /// The measured frequency of the timer's clock in Hz.
    pub fn hz(&self) -> u64 {
        self.hz
    }

    /// Raises the interrupt at `at`, or earlier.
    pub fn set(&self, at: Ticks, now: Ticks) {
        let wait = u128::from(at.since(now).0);
        let cycles = wait * u128::from(self.hz) / u128::from(self.counter_hz);
        let (prescaler, interval) = split(cycles.min(u64::MAX.into()) as u64);
        self.registers.write(CONTROL, STOPPED);
        // Reading clears it: what an earlier time raised.
        self.registers.read(INTERRUPT);
        self.registers.write(CLOCK, prescaler);
        self.registers.write(INTERVAL, interval);
        self.registers.write(INTERRUPT_ENABLE, PASSED);
        self.registers
            .write(CONTROL, INTERVAL_MODE | RESTART | NO_WAVEFORM);
    }

    /// Stops the timer: no interrupt comes any more.
    pub fn stop(&self) {
        self.registers.write(INTERRUPT_ENABLE, 0);
        self.registers.write(CONTROL, STOPPED);
        self.registers.read(INTERRUPT);
    }
}

/// The clock register and the interval for so many cycles, or as many as the timer can, but at least one.
fn split(cycles: u64) -> (u32, u32) {
    if cycles <= MOST {
        return (0, cycles.max(1) as u32);
    }
    let needed = (0..LARGEST).find(|prescaler| cycles >> (prescaler + 1) <= MOST);
    let prescaler = needed.unwrap_or(LARGEST);
    let interval = (cycles >> (prescaler + 1)).min(MOST);
    (prescaled(prescaler), interval as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    /// Counts 133 MHz while the system counter counts 100 MHz.
    #[derive(Default)]
    struct Fake {
        now: Cell<u64>,
        started: Cell<u64>,
        registers: RefCell<BTreeMap<usize, u32>>,
    }

    impl Mmio for &Fake {
        fn read(&self, offset: usize) -> u32 {
            let get = |offset| self.registers.borrow().get(&offset).copied().unwrap_or(0);
            match offset {
                VALUE => {
                    let cycles = (self.now.get() - self.started.get()) * 133 / 100;
                    (cycles >> ((get(CLOCK) >> 1) + 1) & MOST) as u32
                }
                _ => get(offset),
            }
        }
        fn write(&self, offset: usize, value: u32) {
            if offset == CONTROL && value & RESTART != 0 {
                self.started.set(self.now.get());
            }
            self.registers.borrow_mut().insert(offset, value);
        }
    }

    #[test]
    fn the_clock_is_measured() {
        let fake = Fake::default();
        let ttc = Ttc::start(&fake, 100_000_000, || {
            fake.now.set(fake.now.get() + 7);
            Ticks(fake.now.get())
        });
        assert!(ttc.hz().abs_diff(133_000_000) < 133_000, "{}", ttc.hz());
        ttc.set(Ticks(fake.now.get() + 1000), Ticks(fake.now.get()));
        let set = fake.registers.borrow();
        assert!(
            (1325..=1330).contains(&set[&INTERVAL]),
            "{}",
            set[&INTERVAL]
        );
        assert_eq!((set[&CLOCK], set[&INTERRUPT_ENABLE]), (0, PASSED));
    }

    #[test]
    fn never_late_and_hardly_early() {
        for cycles in (0..48).map(|bit| (1u64 << bit) + 12345 % (1 << bit)) {
            let (clock, interval) = split(cycles);
            let shift = if clock & 1 == 0 { 0 } else { (clock >> 1) + 1 };
            let waited = u64::from(interval) << shift;
            assert!((1..=MOST as u32).contains(&interval) && shift <= 16);
            assert!(waited <= cycles.max(1), "{cycles}");
            if cycles < MOST << 16 {
                assert!(cycles - waited <= cycles >> 15, "{cycles}: {waited}");
            }
        }
    }
}
