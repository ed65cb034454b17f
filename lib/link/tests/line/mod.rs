// SPDX-License-Identifier: BSD-2-Clause
//! A line that loses, garbles, repeats and cuts off bytes, and never changes their order.

use std::collections::VecDeque;

/// How often each fault happens: once in so many bytes, or never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A byte is lost.
    pub lose: Option<u32>,
    /// A bit of a byte is another.
    pub garble: Option<u32>,
    /// A byte comes twice.
    pub repeat: Option<u32>,
    /// Up to 400 bytes are lost.
    pub cut: Option<u32>,
}

impl Faults {
    /// All of them, each once in so many bytes.
    pub fn all(one_in: u32) -> Self {
        let one_in = Some(one_in);
        Self {
            lose: one_in,
            garble: one_in,
            repeat: one_in,
            cut: one_in.map(|n| n * 20),
        }
    }
}

/// One direction.
pub struct Line {
    faults: Faults,
    random: fastrand::Rng,
    bytes: VecDeque<u8>,
    /// Bytes that are still to be lost.
    cut: u32,
}

impl Line {
    /// With the faults that the seed gives.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            random: fastrand::Rng::with_seed(seed),
            bytes: VecDeque::new(),
            cut: 0,
        }
    }

    fn happens(&mut self, one_in: Option<u32>) -> bool {
        one_in.is_some_and(|n| self.random.u32(0..n) == 0)
    }

    /// A byte enters.
    pub fn put(&mut self, byte: u8) {
        if self.happens(self.faults.cut) {
            self.cut = self.random.u32(1..=400);
        }
        if self.cut > 0 {
            self.cut -= 1;
            return;
        }
        if self.happens(self.faults.lose) {
            return;
        }
        let flip = if self.happens(self.faults.garble) {
            1 << self.random.u32(0..8)
        } else {
            0
        };
        let times = 1 + usize::from(self.happens(self.faults.repeat));
        self.bytes.extend(std::iter::repeat_n(byte ^ flip, times));
    }

    /// A byte comes out.
    pub fn take(&mut self) -> Option<u8> {
        self.bytes.pop_front()
    }

    /// Bytes that are under way.
    pub fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// Nothing happens to bytes any more.
    pub fn heal(&mut self) {
        self.faults = Faults::default();
        self.cut = 0;
    }
}
