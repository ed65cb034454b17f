// SPDX-License-Identifier: BSD-2-Clause
//! Errors of a line.

use serde::Deserialize;

/// Bits that arrive as another than they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Garble {
    /// One bit in so many, in both directions; at least 8.
    pub one_in: u64,
    /// Which ones.
    pub seed: u64,
}

/// One direction's errors.
#[derive(Debug)]
pub(super) struct Errors {
    one_in: u64,
    random: u64,
}

impl Errors {
    /// Those of one direction.
    pub(super) fn new(garble: Garble, direction: u64) -> Self {
        let seed = garble.seed.wrapping_mul(2).wrapping_add(direction);
        Self {
            one_in: garble.one_in.max(8),
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// Garbles some of the bytes: in each one bit at most, which at such rates is the same.
    pub(super) fn garble(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.draw() % self.one_in < 8 {
                *byte ^= 1 << (self.draw() % 8);
            }
        }
    }

    fn draw(&mut self) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bits_are_others_and_the_seed_decides_which() {
        let bits = |seed, direction| {
            let mut bytes = vec![0; 1_000_000];
            let one_in = 1000;
            Errors::new(Garble { one_in, seed }, direction).garble(&mut bytes);
            bytes
        };
        let bytes = bits(1, 0);
        let garbled: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        assert!((7_000..9_000).contains(&garbled), "{garbled} of 8000000");
        assert_eq!(bytes, bits(1, 0));
        assert_ne!(bytes, bits(1, 1));
        assert_ne!(bytes, bits(2, 0));
    }
}
