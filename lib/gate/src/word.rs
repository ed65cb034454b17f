// SPDX-License-Identifier: BSD-2-Clause
//! The word that says whether a client may touch its region, and where the words of components are.

use core::sync::atomic::AtomicU64;

use crate::COMPONENTS;

/// The word of a component among those that begin at `first` in a page; `None` for a component beyond the last.
pub fn of_component(page: &[AtomicU64], first: usize, component: usize) -> Option<&AtomicU64> {
    page.get(first..first + COMPONENTS)?.get(component)
}

/// The state of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// The region must not be touched for now.
    #[default]
    Closed = 0,
    /// The region may be touched.
    Open = 1,
    /// The region must not be touched again: no driver will complete what is owed.
    OutOfService = 2,
}

/// A gate's word, decoded. A page of zeros is a closed gate of epoch 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Gate {
    /// Incremented at each change.
    pub epoch: u64,
    /// The state.
    pub state: State,
}

impl Gate {
    /// The word as it stands in the page.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.epoch << 2 | self.state as u64
    }

    /// Decodes a word. A state that is not defined reads as closed.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        let state = match word & 3 {
            1 => State::Open,
            2 => State::OutOfService,
            _ => State::Closed,
        };
        Self {
            epoch: word >> 2,
            state,
        }
    }
}
