// SPDX-License-Identifier: BSD-2-Clause
//! One timer of a high precision event timer block, as an alarm (IA-PC HPET Specification 1.0a).
//!
//! Level-triggered, in one-shot 32-bit mode: what has expired stays pending in the status register until it is
//! acknowledged, so that no alarm is lost while the interrupt is masked.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use molt_shared::Mmio;

/// Bytes of its registers that are used.
pub const REGISTERS: usize = 0x400;

/// General capabilities: the main counter's period in femtoseconds (2.3.4).
const PERIOD: usize = 0x004;
/// General configuration: bit 0 lets the main counter run; bit 1, the routes of the old timers, stays 0 (2.3.5).
const CONFIGURATION: usize = 0x010;
const ENABLE: u32 = 1;
/// General interrupt status: a bit for each timer, cleared by writing 1 (2.3.6).
const STATUS: usize = 0x020;
/// The main counter, its low half (2.3.7).
const COUNTER: usize = 0x0f0;
/// Timer 0: configuration, routes that it can take, comparator (2.3.8, 2.3.9).
const TIMER: usize = 0x100;
const ROUTES: usize = 0x104;
const COMPARATOR: usize = 0x108;

/// Level-triggered; interrupt enabled; 32-bit mode; the route starts at bit 9.
const LEVEL: u32 = 1 << 1;
const INTERRUPT: u32 = 1 << 2;
const MODE_32: u32 = 1 << 8;
const ROUTE: u32 = 9;
/// The only timer that is used.
const FIRST: u32 = 1;

/// Femtoseconds in a nanosecond.
const FS_PER_NS: u64 = 1_000_000;
/// Longest time to an alarm, in ticks: below half of what the comparator can tell apart. A later one comes early.
const FARTHEST: u64 = 1 << 30;
/// Shortest, in ticks: the comparator waits for equality, and must be written before the counter is there (2.4.2).
const NEAREST: u64 = 256;

/// Why there is no timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The period is not what the specification lets it be (1 to 100,000,000 fs).
    Period(u32),
    /// Its interrupt cannot be routed to this pin of the I/O APIC; these are those that it can.
    Route(u32),
}

/// The timer.
#[derive(Debug)]
pub struct Hpet<R> {
    registers: R,
    period: u64,
    configuration: u32,
}

impl<R: Mmio> Hpet<R> {
    /// Lets the counter run, with no alarm set, whose interrupt goes to `pin` of the I/O APIC.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start(registers: R, pin: u32) -> Result<Self, Error> {
        let period = registers.read(PERIOD);
        if !(1..=100_000_000).contains(&period) {
            return Err(Error::Period(period));
        }
        let routes = registers.read(ROUTES);
        if pin >= 32 || routes & 1 << pin == 0 {
            return Err(Error::Route(routes));
        }
        let this = Self {
            registers,
            period: period.into(),
            configuration: LEVEL | MODE_32 | pin << ROUTE,
        };
        this.stop();
        this.registers.write(CONFIGURATION, ENABLE);
        Ok(this)
    }

    /// An alarm in `ns` nanoseconds, or a little earlier; one that is far away comes early.
    pub fn set(&self, ns: u64) {
        let ticks = (ns.saturating_mul(FS_PER_NS) / self.period).clamp(NEAREST, FARTHEST) as u32;
        loop {
            let start = self.registers.read(COUNTER);
            self.registers.write(COMPARATOR, start.wrapping_add(ticks));
            self.registers.write(TIMER, self.configuration | INTERRUPT);
            // Interrupted between the two, it may have written a time that was over: that alarm would come a whole turn of
            // the counter later.
            if self.registers.read(COUNTER).wrapping_sub(start) < ticks {
                return;
            }
        }
    }

    /// No alarm any more, and none pending.
    pub fn stop(&self) {
        self.registers.write(TIMER, self.configuration);
        self.acknowledge();
    }

    /// The line is low from here on, until the next alarm.
    pub fn acknowledge(&self) {
        self.registers.write(STATUS, FIRST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// Counts one tick for each access.
    #[derive(Default)]
    struct Fake {
        registers: RefCell<BTreeMap<usize, u32>>,
        step: u32,
    }

    impl Mmio for &Fake {
        fn read(&self, offset: usize) -> u32 {
            let mut registers = self.registers.borrow_mut();
            if offset == COUNTER {
                *registers.entry(COUNTER).or_default() += self.step;
            }
            registers.get(&offset).copied().unwrap_or(0)
        }
        fn write(&self, offset: usize, value: u32) {
            self.registers.borrow_mut().insert(offset, value);
        }
    }

    fn fake(step: u32) -> Fake {
        let fake = Fake {
            step,
            ..Fake::default()
        };
        // 100 MHz, and the routes of QEMU's q35.
        fake.registers
            .borrow_mut()
            .extend([(PERIOD, 10_000_000), (ROUTES, 0x00ff_0104)]);
        fake
    }

    #[test]
    fn an_alarm_is_as_many_ticks_away_as_it_is_to_be() {
        let fake = fake(1);
        let timer = Hpet::start(&fake, 20).unwrap();
        timer.set(1_000_000);
        let registers = fake.registers.borrow();
        assert_eq!(registers[&COMPARATOR], 1 + 100_000);
        assert_eq!(registers[&TIMER], LEVEL | INTERRUPT | MODE_32 | 20 << 9);
        assert_eq!(registers[&CONFIGURATION], ENABLE);
    }

    #[test]
    fn times_too_near_and_too_far_are_kept_apart_from_the_counter() {
        let fake = fake(1);
        let timer = Hpet::start(&fake, 20).unwrap();
        timer.set(0);
        assert_eq!(fake.registers.borrow()[&COMPARATOR], 1 + NEAREST as u32);
        timer.set(u64::MAX);
        assert_eq!(fake.registers.borrow()[&COMPARATOR], 3 + FARTHEST as u32);
    }

    #[test]
    fn what_it_cannot_do_is_told() {
        let fake = fake(1);
        assert_eq!(Hpet::start(&fake, 3).err(), Some(Error::Route(0x00ff_0104)));
        (&fake).write(PERIOD, 0);
        assert_eq!(Hpet::start(&fake, 20).err(), Some(Error::Period(0)));
    }
}
