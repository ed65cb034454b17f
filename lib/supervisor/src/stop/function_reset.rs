// SPDX-License-Identifier: BSD-2-Clause
//! Function-level reset (PCI Express 3.0, 6.6.2): the last means for a function that does not answer the ordinary reset. It
//! takes 100 ms, in which guests wait, so it is not part of each stop.

use molt_shared::Mmio;

use crate::pci;

/// How long the function has for the ordinary reset, then for its pending transactions, and how long it must be left alone
/// after the function-level reset has begun (6.6.2), in us.
const ORDINARY_US: u64 = 100_000;
const PENDING_US: u64 = 100_000;
const RESET_US: u64 = 100_000;
/// How long all of it may take, in us: the three, and as much again as one for the looks in between.
pub const ALL_US: u64 = ORDINARY_US + PENDING_US + RESET_US + 100_000;

/// The PCI Express capability (7.8): device capabilities, then device control with the status in the upper half, which is
/// cleared by writing 1, so it is written as 0.
const EXPRESS: u32 = 0x10;
const DEVICE_CAPABILITIES: usize = 4;
const DEVICE_CONTROL: usize = 8;
const CAPABLE: u32 = 1 << 28;
const INITIATE: u32 = 1 << 15;
const PENDING: u32 = 1 << 21;
/// Where a capability can begin that has these words (PCI 3.0, 6.7).
const PLACES: core::ops::RangeInclusive<usize> = 0x40..=0xf4;
/// What a function that does not answer reads as.
const NOTHING: u32 = u32::MAX;

/// What the reset wipes and is needed before the next generation is granted the device.
#[derive(Clone, Copy)]
struct Saved {
    bars: [u32; pci::BARS],
    control: u32,
}

/// How far the function is.
#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    None,
    /// The ordinary reset has begun at this time, in us.
    Ordinary(u64),
    /// It did not answer; its transactions are awaited since then.
    Pending(u64),
    /// The function-level reset has begun then.
    Reset(u64, Saved),
    /// There is nothing more that could be done.
    Over,
}

/// The reset of one function.
#[derive(Default)]
pub struct FunctionReset {
    state: State,
}

impl FunctionReset {
    /// The ordinary reset begins. One of the function that is under way goes on.
    pub fn begin(&mut self, now: u64) {
        if !matches!(self.state, State::Reset(..)) {
            self.state = State::Ordinary(now);
        }
    }

    /// Whether the function must be left alone.
    pub fn under_way(&self) -> bool {
        matches!(self.state, State::Reset(..))
    }

    /// The next step for a function that was not seen to be at rest; its bus mastering is off. `now`: in us.
    pub fn step(&mut self, configuration: &impl Mmio, now: u64) {
        let late = |since: u64, wait: u64| now.saturating_sub(since) >= wait;
        match self.state {
            State::Ordinary(since) if late(since, ORDINARY_US) => {
                self.state = capability(configuration).map_or(State::Over, |_| State::Pending(now));
            }
            State::Pending(since) => {
                let Some(at) = capability(configuration) else {
                    return;
                };
                let word = configuration.read(at + DEVICE_CONTROL);
                if word & PENDING == 0 || late(since, PENDING_US) {
                    let control = word & 0xffff & !INITIATE;
                    let bars = pci::bars(configuration);
                    self.state = State::Reset(now, Saved { bars, control });
                    configuration.write(at + DEVICE_CONTROL, control | INITIATE);
                }
            }
            State::Reset(since, saved)
                if late(since, RESET_US) && configuration.read(0) != NOTHING =>
            {
                pci::restore(configuration, &saved.bars);
                if let Some(at) = capability(configuration) {
                    configuration.write(at + DEVICE_CONTROL, saved.control);
                }
                self.state = State::Over;
            }
            _ => {}
        }
    }
}

/// Where the PCI Express capability is of a function that can be reset.
fn capability(configuration: &impl Mmio) -> Option<usize> {
    let at = pci::find(configuration, EXPRESS).filter(|at| PLACES.contains(at))?;
    (configuration.read(at + DEVICE_CAPABILITIES) & CAPABLE != 0).then_some(at)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::virtio_pci;
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    const COMMAND: usize = 0x04;
    const BAR: usize = 0x10;
    const STATUS: usize = 0x14;
    const CONTROL: usize = 0x98 + DEVICE_CONTROL;

    /// A virtio function that ignores a status of 0, but not the function-level reset if it has one.
    struct Function {
        words: RefCell<BTreeMap<usize, u32>>,
        resets: Cell<u32>,
    }

    impl Function {
        fn new(capabilities: u32) -> Self {
            let words = BTreeMap::from([
                (0, 0x1042_1af4),
                (COMMAND, 0x0406),
                (BAR + 16, 0xe000_000c),
                (BAR + 20, 1),
                (0x34, 0x84),
                (0x84, 0x0114_9809),
                (0x98, 0x0002_0010),
                (0x98 + DEVICE_CAPABILITIES, capabilities),
                (CONTROL, 0x20),
            ]);
            Self {
                words: RefCell::new(words),
                resets: Cell::new(0),
            }
        }
        fn word(&self, at: usize) -> u32 {
            self.words.borrow().get(&at).copied().unwrap_or(0)
        }
        fn set(&self, at: usize, value: u32) {
            self.words.borrow_mut().insert(at, value);
        }
        /// Time in us until it is seen to be at rest, looked at each millisecond.
        fn stop(&self) -> Option<u64> {
            let mut reset = FunctionReset::default();
            let (configuration, registers) = (Configuration(self), Registers(self));
            virtio_pci::stop(&configuration, &registers, &mut reset, 0);
            (0..ALL_US)
                .step_by(1000)
                .find(|now| virtio_pci::stopped(&configuration, &registers, &mut reset, *now))
        }
    }

    struct Configuration<'f>(&'f Function);

    impl Mmio for Configuration<'_> {
        fn read(&self, offset: usize) -> u32 {
            self.0.word(offset)
        }
        fn write(&self, offset: usize, value: u32) {
            let bars = BAR..BAR + 4 * pci::BARS;
            let known = bars.contains(&offset) || [COMMAND, CONTROL].contains(&offset);
            assert!(known, "{value:#x} is written to {offset:#x}");
            self.0.set(offset, value);
            if offset == CONTROL && value & INITIATE != 0 {
                assert_eq!(self.0.word(COMMAND) & 0b100, 0, "it masters the bus");
                self.0.resets.set(self.0.resets.get() + 1);
                for wiped in [COMMAND, BAR + 16, BAR + 20, CONTROL] {
                    self.0.set(wiped, 0);
                }
            }
        }
    }

    struct Registers<'f>(&'f Function);

    impl Mmio for Registers<'_> {
        fn read(&self, offset: usize) -> u32 {
            let decodes = self.0.word(COMMAND) & 0b10 != 0 && self.0.word(BAR + 20) == 1;
            match (offset, decodes, self.0.resets.get()) {
                (_, false, _) => NOTHING,
                (STATUS, true, 0) => 0xf,
                _ => 0,
            }
        }
        fn write(&self, _: usize, _: u32) {}
    }

    #[test]
    fn a_function_that_ignores_status_0_is_reset_and_restored() {
        let function = Function::new(CAPABLE);
        let ended = function.stop();
        assert_eq!(function.resets.get(), 1);
        assert!(ended.is_some_and(|us| us >= ORDINARY_US + RESET_US));
        assert_eq!(function.word(BAR + 16), 0xe000_000c);
        assert_eq!(function.word(BAR + 20), 1);
        assert_eq!(function.word(COMMAND) & 0b110, 0b010);
        assert_eq!(function.word(CONTROL), 0x20);
    }

    #[test]
    fn pending_transactions_are_awaited_but_not_for_ever() {
        let function = Function::new(CAPABLE);
        function.set(CONTROL, 0x20 | PENDING);
        let ended = function.stop();
        assert!(ended.is_some_and(|us| us >= ORDINARY_US + PENDING_US + RESET_US));
    }

    #[test]
    fn a_function_without_the_reset_does_not_stop() {
        let function = Function::new(0);
        assert_eq!(function.stop(), None);
        assert_eq!(function.resets.get(), 0);
    }

    #[test]
    fn a_list_that_loops_or_leaves_its_place_ends() {
        for (at, head) in [
            (0x98, 0x0002_9809),
            (0x84, 0x0114_f809),
            (0x84, 0x0114_0409),
        ] {
            let function = Function::new(CAPABLE);
            function.set(at, head);
            // What is not a place of a capability looks like one.
            for place in [0x04, 0xf8] {
                function.set(place, 0x10 | 0x06 << 16);
                function.set(place + DEVICE_CAPABILITIES, CAPABLE);
            }
            assert_eq!(function.stop(), None, "{head:#x}");
            assert_eq!(function.resets.get(), 0);
        }
    }
}
