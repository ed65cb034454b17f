// SPDX-License-Identifier: BSD-2-Clause
//! Every choice of a run, from one seed (splitmix64: Steele, Lea, Flood 2014).

/// The choices.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Those of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any word.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.word() % end.max(1)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// How long something takes, in us: mostly short, now and then longer than a deadline.
    pub fn delay(&mut self) -> u64 {
        match self.below(64) {
            0 => self.below(8_000),
            1..8 => self.below(1_000),
            _ => 1 + self.below(40),
        }
    }
}
