// SPDX-License-Identifier: BSD-2-Clause
//! What a seed's system is made of.

use crate::technique::Technique;

/// Components of a system at the most.
pub const COMPONENTS: usize = 2;

/// The system of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many components it has. With two, a bundle may be for both.
    pub components: usize,
    /// Which of them have a device with firmware.
    pub firmware: [bool; COMPONENTS],
    /// The technique of the first component's client [`crate::plan::GUEST`].
    pub technique: Technique,
}

impl Shape {
    /// That of a seed.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        let pair = (seed >> 4) % 5 == 3;
        Self {
            components: if pair { 2 } else { 1 },
            firmware: [seed & 1 == 1, pair && (seed >> 6) & 1 == 1],
            technique: Technique::of(seed),
        }
    }

    /// Whether it has two components.
    #[must_use]
    pub const fn is_pair(self) -> bool {
        self.components == 2
    }
}
