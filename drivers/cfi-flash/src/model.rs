// SPDX-License-Identifier: BSD-2-Clause
//! A model of two chips of 16 bits beside each other, written from the specifications' device side, for tests on the host.
//!
//! Its power can be cut at any operation ([`Model::cut_at`]). A cut tears: of a program, each word of each chip is written,
//! not written, or has some of its bits cleared, in no order; of an erase, each word is erased, as it was, or has some of its
//! bits set. The operation with the number at which the power is to be cut begins, and the power goes at the next access
//! to the bus, or when the test says so ([`Model::cut`]): a driver that does not wait for an operation has an unfinished one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use molt_shared::Mmio;

mod chip;

use chip::Chip;
pub use chip::{BUFFER_WORDS, Shape};

/// How a cut leaves the operation that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Nothing of it was done.
    None,
    /// The words up to a place were done.
    Beginning,
    /// Each word for itself: done, not done, or torn.
    Anything,
    /// All but one word were done, which is torn.
    AllButOne,
    /// Everything was done.
    All,
}

impl Tear {
    /// All ways.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Beginning,
        Self::Anything,
        Self::AllButOne,
        Self::All,
    ];
}

/// Random numbers that a seed determines (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// With a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.draw() % n.max(1) as u64) as usize
    }
}

#[derive(Debug)]
struct State {
    chips: [Chip; 2],
    /// Programs and erases begun since power-on.
    operations: u64,
    cut: Option<(u64, Tear)>,
    /// The power goes at the next access.
    armed: bool,
    off: bool,
    random: Random,
}

/// The bank. Clones are the same bank.
#[derive(Clone, Debug)]
pub struct Model(Rc<RefCell<State>>, Rc<Cell<u64>>);

impl Model {
    /// An erased bank.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let chips = [Chip::new(shape), Chip::new(shape)];
        Self::with(chips, 1)
    }

    fn with(chips: [Chip; 2], seed: u64) -> Self {
        let state = State {
            chips,
            operations: 0,
            cut: None,
            armed: false,
            off: false,
            random: Random::new(seed),
        };
        Self(Rc::new(RefCell::new(state)), Rc::new(Cell::new(0)))
    }

    /// The bank after the power has come back.
    #[must_use]
    pub fn restarted(&self, seed: u64) -> Self {
        Self::with(self.0.borrow().chips.each_ref().map(Chip::restarted), seed)
    }

    /// Programs and erases since power-on.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    /// Has the power go in operation number `n`, counted from 1.
    pub fn cut_at(&self, n: u64, tear: Tear) {
        self.0.borrow_mut().cut = Some((n, tear));
    }

    /// The power goes now, if it is to go in an operation that has begun.
    pub fn cut(&self) {
        self.0.borrow_mut().cut_if_armed();
    }

    /// Whether the power is gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.borrow().off
    }

    /// The time in us: every look at it takes one.
    pub fn clock(&self) -> impl Fn() -> u64 + use<> {
        let time = Rc::clone(&self.1);
        move || {
            time.set(time.get() + 1);
            time.get()
        }
    }

    /// Every later operation ends with these bits in the status of the second chip, and changes nothing.
    pub fn fail_with(&self, bits: u16) {
        self.0.borrow_mut().chips[1].fails = bits;
    }

    /// The second chip is never ready again.
    pub fn hang(&self) {
        self.0.borrow_mut().chips[1].hangs = true;
    }

    /// The word at an offset is worn out: it reads as 0 whatever is done with it, and no error is reported.
    pub fn wear_out(&self, offset: usize) {
        self.0.borrow_mut().chips[offset % 4 / 2].worn = Some(offset / 4);
    }

    /// All blocks are locked, as such parts are at power-on.
    pub fn lock(&self) {
        for chip in &mut self.0.borrow_mut().chips {
            chip.lock();
        }
    }

    /// Changes a word of the second chip's query.
    pub fn answer(&self, word: usize, value: u16) {
        self.0.borrow_mut().chips[1].answer(word, value);
    }

    /// The content at an offset, for tests.
    #[must_use]
    pub fn peek(&self, offset: usize) -> u8 {
        let state = self.0.borrow();
        let chip = &state.chips[offset % 4 / 2];
        chip.array[offset / 4].to_le_bytes()[offset % 2]
    }

    /// Changes the content at an offset, for tests.
    pub fn poke(&self, offset: usize, value: u8) {
        let mut state = self.0.borrow_mut();
        let word = &mut state.chips[offset % 4 / 2].array[offset / 4];
        let mut bytes = word.to_le_bytes();
        bytes[offset % 2] = value;
        *word = u16::from_le_bytes(bytes);
    }
}

impl State {
    fn cut_if_armed(&mut self) {
        if self.armed {
            self.armed = false;
            self.off = true;
            let tear = self.cut.map_or(Tear::None, |(_, tear)| tear);
            for chip in &mut self.chips {
                chip.tear(tear, &mut self.random);
            }
        }
    }
}

impl Mmio for Model {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.0.borrow_mut();
        state.cut_if_armed();
        if state.off {
            return u32::MAX;
        }
        let [low, high] = &mut state.chips;
        let (low, high) = (low.read(offset / 4), high.read(offset / 4));
        u32::from(low) | u32::from(high) << 16
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.0.borrow_mut();
        state.cut_if_armed();
        if state.off {
            return;
        }
        let halves = [value as u16, (value >> 16) as u16];
        let mut begun = false;
        for (chip, half) in state.chips.iter_mut().zip(halves) {
            begun |= chip.write(offset / 4, half);
        }
        if begun {
            state.operations += 1;
            state.armed = state.cut.is_some_and(|(n, _)| n == state.operations);
        }
    }
}
