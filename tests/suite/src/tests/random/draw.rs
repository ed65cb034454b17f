// SPDX-License-Identifier: BSD-2-Clause
//! What a sequence draws: mostly what can work, now and then what cannot.

use sel4::{AbsoluteCPtr, CNodeCapData, CPtr, Cap, CapRights, Word};

use super::{Kind, SLOTS, Sequence};
use crate::env::WINDOW;

/// log2 of the slots of the CNodes that slots are drawn in.
pub const NODE_BITS: usize = 4;

/// xorshift64*, which is good enough to choose operations.
pub struct Random(u64);

impl Random {
    /// The generator of the sequence with this number.
    pub fn new(number: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1))
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound as u64) as usize
    }
}

/// A place for a capability.
pub struct Place {
    /// Its address.
    pub path: AbsoluteCPtr,
    /// The slot, if it is one of the sequence's own and not in a CNode.
    pub at: Option<usize>,
}

impl Sequence<'_> {
    /// The first slot from a drawn one on that `fits`, or now and then just the drawn one.
    fn slot_where(&mut self, fits: impl Fn(Kind) -> bool) -> usize {
        let start = self.random.below(SLOTS);
        if self.random.below(8) == 0 {
            return start;
        }
        let mut slots = (start..SLOTS).chain(0..start);
        slots.find(|at| fits(self.kinds[*at])).unwrap_or(start)
    }

    /// A slot that holds something.
    pub fn used(&mut self) -> usize {
        self.slot_where(|kind| kind != Kind::Empty)
    }

    /// A slot that does not.
    pub fn free(&mut self) -> usize {
        self.slot_where(|kind| kind == Kind::Empty)
    }

    /// A capability of this kind, or another that may be invoked: nothing, at the worst.
    pub fn of<T: sel4::CapType>(&mut self, kind: Kind) -> Cap<T> {
        let at = self.slot_where(|found| found == kind);
        if self.kinds[at] == Kind::Mute {
            return Cap::from_bits(0);
        }
        self.cap(at)
    }

    /// The capability in a slot.
    pub fn cap<T: sel4::CapType>(&self, at: usize) -> Cap<T> {
        CPtr::from_bits((self.first + at) as u64).cast()
    }

    /// The address of a slot.
    pub fn slot(&self, at: usize) -> AbsoluteCPtr {
        self.env.at_slot(self.first + at)
    }

    /// This slot, or now and then one in a CNode.
    pub fn place(&mut self, at: usize) -> Place {
        if self.random.below(4) == 0 && self.kinds.contains(&Kind::Node) {
            let (node, index) = (self.of(Kind::Node), self.random.below(1 << NODE_BITS));
            let path = Cap::absolute_cptr_from_bits_with_depth(node, index as Word, NODE_BITS);
            return Place { path, at: None };
        }
        Place {
            path: self.slot(at),
            at: Some(at),
        }
    }

    /// Access rights, all of them in half of the cases.
    pub fn rights(&mut self) -> CapRights {
        if self.random.below(2) == 0 {
            return CapRights::all();
        }
        let bits = self.random.below(16);
        CapRights::new(bits & 8 != 0, bits & 4 != 0, bits & 2 != 0, bits & 1 != 0)
    }

    /// A badge or a guard.
    pub fn badge(&mut self) -> Word {
        match self.random.below(5) {
            0 => 0,
            1 => 1,
            2 => 0x1234,
            3 => CNodeCapData::skip_high_bits(NODE_BITS).into_word(),
            _ => CNodeCapData::new(1, 10).into_word(),
        }
    }

    /// One of eight pages, in two places with a page table each.
    pub fn address(&mut self) -> usize {
        WINDOW + self.random.below(4) * 0x1000 + self.random.below(2) * 0x20_0000
    }
}
