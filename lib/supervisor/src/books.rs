// SPDX-License-Identifier: BSD-2-Clause
//! The books: which of the vault's free slots are used.
//!
//! The free range is divided into one part for each arena, in which the capabilities of its generation are contiguous,
//! and a rest for single copies.

use heapless::Vec;
use molt_system::{COPIES as COPIES_MIN, VaultSlot};

/// Single copies at most.
const COPIES: usize = 1024;

/// The books.
pub struct Books {
    first_copy: u32,
    copies: u32,
    /// By index from `first_copy` on.
    used: [bool; COPIES],
    /// The free indices, the next one last. A grant takes dozens of slots, and must not search for them during a blackout.
    unused: Vec<u16, COPIES>,
    first: u32,
    part: u32,
}

impl Books {
    /// Empty books over `count` slots from `first` on, for so many arenas.
    pub fn new(first: VaultSlot, count: u32, arenas: u32) -> Self {
        let part = count.saturating_sub(COPIES_MIN) / arenas.max(1);
        let rest = count.saturating_sub(part * arenas);
        let copies = rest.min(COPIES as u32);
        Self {
            first_copy: first.0 + part * arenas,
            copies,
            used: [false; COPIES],
            unused: (0..copies as u16).rev().collect(),
            first: first.0,
            part,
        }
    }

    /// The slots of arena number `arena`, counted over all components.
    pub fn arena(&self, arena: u32) -> VaultSlot {
        VaultSlot(self.first + arena * self.part)
    }

    /// Slots that each arena has: what is built must have no more capabilities.
    pub fn arena_slots(&self) -> u32 {
        self.part
    }

    /// A slot for a copy.
    pub fn take(&mut self) -> Option<VaultSlot> {
        let index = self.unused.pop()?;
        *self.used.get_mut(usize::from(index))? = true;
        Some(VaultSlot(self.first_copy + u32::from(index)))
    }

    /// Gives a slot back, which is empty.
    pub fn give_back(&mut self, slot: VaultSlot) {
        let index = slot.0.wrapping_sub(self.first_copy) as usize;
        if let Some(used) = self.used.get_mut(index)
            && core::mem::take(used)
        {
            // Each index is in it at most once, so there is room.
            let _ = self.unused.push(index as u16);
        }
    }

    /// The last slot that is in use.
    #[cfg(feature = "mutants")]
    pub fn used(&self) -> Option<VaultSlot> {
        let last = self.used.iter().rposition(|used| *used)?;
        Some(VaultSlot(self.first_copy + last as u32))
    }

    /// Slots in use by copies.
    pub fn in_use(&self) -> u32 {
        self.copies.saturating_sub(self.unused.len() as u32)
    }

    /// The slots for copies that are free.
    pub fn free(&self) -> impl Iterator<Item = VaultSlot> {
        let first = self.first_copy;
        let slots = self.used.iter().take(self.copies as usize).enumerate();
        slots
            .filter(|(_, used)| !**used)
            .map(move |(index, _)| VaultSlot(first + index as u32))
    }
}
