// SPDX-License-Identifier: BSD-2-Clause
//! Sets of ports.

/// Most ports of a switch.
pub const PORTS: usize = 16;

/// A set of ports, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports(u16);

impl Ports {
    /// No port.
    pub const NONE: Self = Self(0);

    /// One port; none for a number that no port has.
    pub const fn one(number: usize) -> Self {
        Self(if number < PORTS { 1 << number } else { 0 })
    }

    /// The ports numbered below this.
    pub const fn below(count: usize) -> Self {
        Self(if count >= PORTS {
            u16::MAX
        } else {
            (1 << count) - 1
        })
    }

    /// In either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// In both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In this one alone.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it is in there.
    pub const fn contains(self, number: usize) -> bool {
        self.0 & Self::one(number).0 != 0
    }

    /// The port, if it is one alone.
    pub const fn only(self) -> Option<usize> {
        match self.0.count_ones() {
            1 => Some(self.0.trailing_zeros() as usize),
            _ => None,
        }
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for Ports {
    type Item = usize;

    /// Takes the lowest out.
    fn next(&mut self) -> Option<usize> {
        let number = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (number < PORTS).then_some(number)
    }
}
