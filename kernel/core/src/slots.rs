// SPDX-License-Identifier: BSD-2-Clause
//! Capability slots: tables of 2^n slots, filled in blocks as they are used, and the list through
//! all filled slots that is the derivation tree in prefix order.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    cap::Cap,
    pool::{HeapFull, Pool},
};

/// Slots in a block.
const BLOCK: usize = 32;

type Block = Box<[Slot; BLOCK]>;

/// A slot, by its table and its place there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct SlotRef {
    /// Table number.
    pub table: u32,
    /// Place, 0-based.
    pub index: u32,
}

/// A slot and its place in the derivation tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// The capability.
    pub cap: Cap,
    /// Neighbours in the list.
    pub prev: Option<SlotRef>,
    /// See `prev`.
    pub next: Option<SlotRef>,
    /// Can have children (what seL4 calls revocable).
    pub original: bool,
    /// First of its badge: no child of another capability with the same badge.
    pub first_badged: bool,
}

const EMPTY: Slot = Slot {
    cap: Cap::Null,
    prev: None,
    next: None,
    original: false,
    first_badged: false,
};

/// A table: a CNode's slots, a thread's, or the interrupt bindings.
pub struct Table {
    /// Physical address of the object that it is accounted to.
    pub base: u64,
    blocks: Vec<Option<Block>>,
}

fn new_block() -> Result<Block, HeapFull> {
    let mut block = Vec::new();
    block.try_reserve_exact(BLOCK).map_err(|_| HeapFull)?;
    block.resize(BLOCK, EMPTY);
    let block: Box<[Slot]> = block.into_boxed_slice();
    block.try_into().map_err(|_| HeapFull)
}

/// The result of a bounded search through a table.
pub enum Scan {
    /// A filled slot.
    Filled(SlotRef),
    /// None before this place.
    Resume(u32),
    /// The table is empty from where the look began.
    Empty,
}

/// All tables.
pub struct Slots {
    tables: Pool<Table>,
    /// Blocks, all empty, of tables that are gone.
    free: Vec<Block>,
    /// The target of writes to slots that do not exist; never read. See [`Slots::prepare`].
    spare: Slot,
}

impl Slots {
    /// None yet.
    pub const fn new() -> Self {
        Slots {
            tables: Pool::new(),
            free: Vec::new(),
            spare: EMPTY,
        }
    }

    /// A new table of 2^radix empty slots.
    pub fn add_table(&mut self, base: u64, radix: u8) -> Result<u32, HeapFull> {
        if radix > 28 {
            return Err(HeapFull);
        }
        let count = (1usize << radix).div_ceil(BLOCK);
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| HeapFull)?;
        blocks.resize_with(count, || None);
        self.tables.add(Table { base, blocks })
    }

    /// Free a table whose slots are all empty.
    pub fn remove_table(&mut self, table: u32) {
        if let Some(table) = self.tables.remove(table) {
            for block in table.blocks.into_iter().flatten() {
                if self.free.try_reserve(1).is_ok() {
                    self.free.push(block);
                }
            }
        }
    }

    /// A table's description.
    pub fn table(&self, table: u32) -> Option<&Table> {
        self.tables.get(table)
    }

    /// Read a slot; one that was never written is empty.
    #[inline]
    pub fn get(&self, at: SlotRef) -> &Slot {
        self.tables
            .get(at.table)
            .and_then(|t| t.blocks.get(at.index as usize / BLOCK))
            .and_then(|b| b.as_ref())
            .map_or(&EMPTY, |b| &b[at.index as usize % BLOCK])
    }

    /// Make sure that a slot can be written. Everything that fills a slot comes through here first.
    pub fn prepare(&mut self, at: SlotRef) -> Result<(), HeapFull> {
        let table = self.tables.get_mut(at.table).ok_or(HeapFull)?;
        let block = table
            .blocks
            .get_mut(at.index as usize / BLOCK)
            .ok_or(HeapFull)?;
        if block.is_none() {
            *block = Some(match self.free.pop() {
                Some(block) => block,
                None => new_block()?,
            });
        }
        Ok(())
    }

    /// A slot to change; it must have been prepared (else the change is lost).
    pub fn get_mut(&mut self, at: SlotRef) -> &mut Slot {
        let block = self
            .tables
            .get_mut(at.table)
            .and_then(|t| t.blocks.get_mut(at.index as usize / BLOCK))
            .and_then(|b| b.as_mut());
        match block {
            Some(block) => &mut block[at.index as usize % BLOCK],
            None => &mut self.spare,
        }
    }

    /// How many tables there are at most at the moment.
    pub fn table_count(&self) -> usize {
        self.tables.capacity()
    }

    /// Look for a filled slot at or after `from`, through no more than a block's slots.
    pub fn scan(&self, table: u32, from: u32) -> Scan {
        let Some(table_blocks) = self.tables.get(table).map(|t| &t.blocks) else {
            return Scan::Empty;
        };
        let mut index = from as usize;
        // Blocks that were never filled cost next to nothing.
        while let Some(None) = table_blocks.get(index / BLOCK) {
            index = (index / BLOCK + 1) * BLOCK;
            if index.is_multiple_of(64 * BLOCK) {
                return Scan::Resume(index as u32);
            }
        }
        let Some(Some(slots)) = table_blocks.get(index / BLOCK) else {
            return Scan::Empty;
        };
        let rest = slots.iter().skip(index % BLOCK);
        match rest.zip(index..).find(|(s, _)| !s.cap.is_null()) {
            Some((_, index)) => Scan::Filled(SlotRef {
                table,
                index: index as u32,
            }),
            None => Scan::Resume(((index / BLOCK + 1) * BLOCK) as u32),
        }
    }

    /// Put a capability that has no parent into a prepared slot (boot).
    pub fn put_root(&mut self, at: SlotRef, cap: Cap) {
        *self.get_mut(at) = Slot {
            cap,
            original: true,
            first_badged: true,
            ..EMPTY
        };
    }

    /// Link a capability into `at` directly behind `source`. `original`: it can have children.
    pub fn insert_after(&mut self, source: SlotRef, at: SlotRef, cap: Cap, original: bool) {
        let next = self.get(source).next;
        let slot = self.get_mut(at);
        slot.cap = cap;
        slot.prev = Some(source);
        slot.next = next;
        slot.original = original;
        slot.first_badged = original;
        self.get_mut(source).next = Some(at);
        if let Some(next) = next {
            self.get_mut(next).prev = Some(at);
        }
    }

    /// Copy semantics: what `source` derives goes to `at`.
    pub fn derive(&mut self, source: SlotRef, at: SlotRef, cap: Cap) {
        let original = self.get(source).cap.derivation_is_original(&cap);
        self.insert_after(source, at, cap, original);
    }

    /// Move to an empty prepared slot, with another form of the same capability.
    pub fn relocate(&mut self, from: SlotRef, to: SlotRef, cap: Cap) {
        let slot = *self.get(from);
        *self.get_mut(to) = Slot { cap, ..slot };
        *self.get_mut(from) = EMPTY;
        if let Some(prev) = slot.prev {
            self.get_mut(prev).next = Some(to);
        }
        if let Some(next) = slot.next {
            self.get_mut(next).prev = Some(to);
        }
    }

    /// Swap two slots' capabilities (each in the given form) and places in the tree.
    pub fn swap(&mut self, a: SlotRef, cap_a: Cap, b: SlotRef, cap_b: Cap) {
        if a == b {
            return;
        }
        let (old_a, old_b) = (*self.get(a), *self.get(b));
        let exchange = |link: Option<SlotRef>| match link {
            Some(at) if at == a => Some(b),
            Some(at) if at == b => Some(a),
            other => other,
        };
        *self.get_mut(b) = Slot {
            cap: cap_a,
            prev: exchange(old_a.prev),
            next: exchange(old_a.next),
            ..old_a
        };
        *self.get_mut(a) = Slot {
            cap: cap_b,
            prev: exchange(old_b.prev),
            next: exchange(old_b.next),
            ..old_b
        };
        for at in [a, b] {
            let slot = *self.get(at);
            if let Some(prev) = slot.prev {
                self.get_mut(prev).next = Some(at);
            }
            if let Some(next) = slot.next {
                self.get_mut(next).prev = Some(at);
            }
        }
    }

    /// Unlink and empty; children go to the parent, as the list has it.
    pub fn clear(&mut self, at: SlotRef) {
        let slot = self.get_mut(at);
        slot.cap = Cap::Null;
        slot.original = false;
        let first_badged = core::mem::take(&mut slot.first_badged);
        let (prev, next) = (slot.prev.take(), slot.next.take());
        if let Some(prev) = prev {
            self.get_mut(prev).next = next;
        }
        if let Some(next) = next {
            let next = self.get_mut(next);
            next.prev = prev;
            // A badged capability's copies lose their first: the next one takes its place.
            next.first_badged |= first_badged;
        }
    }

    /// Replace the capability in a slot, without changing its place in the derivation tree.
    pub fn set_cap(&mut self, at: SlotRef, cap: Cap) {
        self.get_mut(at).cap = cap;
    }
}
