// SPDX-License-Identifier: BSD-2-Clause
//! A guest that keeps the processor to itself, as far as it is allowed to.

use core::hint;

use crate::interrupts::Gic;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storm {
    /// It computes, and has no exits.
    Computing,
    /// It reads a trapped register, again and again.
    Exits,
    /// It makes an interrupt pending and ends it, again and again.
    Interrupts,
}

impl Storm {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "computing" => Some(Self::Computing),
            "exits" => Some(Self::Exits),
            "interrupts" => Some(Self::Interrupts),
            _ => None,
        }
    }

    /// Lasts until `over`, which is asked now and then. Returns how many rounds there were.
    pub fn rage(self, gic: &Gic, mut over: impl FnMut() -> bool) -> u64 {
        let mut rounds = 0_u64;
        while !rounds.is_multiple_of(ROUNDS) || !over() {
            rounds += 1;
            match self {
                Self::Computing => hint::black_box(()),
                Self::Exits => gic.touch(),
                Self::Interrupts => {
                    gic.pend(INTERRUPT);
                    if let Some(interrupt) = gic.acknowledge() {
                        gic.end(interrupt);
                    }
                }
            }
        }
        rounds
    }
}

/// Rounds between two looks whether it is over.
const ROUNDS: u64 = 1000;
/// Of no device.
pub const INTERRUPT: u32 = 100;
