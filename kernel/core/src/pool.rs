// SPDX-License-Identifier: BSD-2-Clause
//! Tables of objects: numbered places that never move, grown in blocks from the kernel's heap.

use alloc::{boxed::Box, vec::Vec};

/// Objects in a block.
const BLOCK: usize = 16;

/// There is no room on the kernel's heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeapFull;

/// A table of objects of one type.
pub struct Pool<T> {
    blocks: Vec<Box<[Option<T>; BLOCK]>>,
    free: Vec<u32>,
}

impl<T> Pool<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Pool {
            blocks: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Make sure that `count` further objects can be added without touching the heap.
    pub fn reserve(&mut self, count: usize) -> Result<(), HeapFull> {
        while self.free.len() < count {
            let first = self.blocks.len() * BLOCK;
            let mut block = Vec::new();
            block.try_reserve_exact(BLOCK).map_err(|_| HeapFull)?;
            block.resize_with(BLOCK, || None);
            let block = block
                .into_boxed_slice()
                .try_into()
                .map_err(|_: Box<[Option<T>]>| HeapFull)?;
            self.blocks.try_reserve(1).map_err(|_| HeapFull)?;
            // Room for every number there is, so that `remove` never allocates.
            let all = first + BLOCK;
            let missing = all.saturating_sub(self.free.len());
            self.free.try_reserve(missing).map_err(|_| HeapFull)?;
            self.blocks.push(block);
            for number in (first..all).rev() {
                self.free.push(u32::try_from(number).map_err(|_| HeapFull)?);
            }
        }
        Ok(())
    }

    /// Add an object; its number.
    pub fn add(&mut self, object: T) -> Result<u32, HeapFull> {
        self.reserve(1)?;
        let number = self.free.pop().ok_or(HeapFull)?;
        match self.place(number) {
            Some(place) => {
                *place = Some(object);
                Ok(number)
            }
            None => Err(HeapFull),
        }
    }

    /// Places that there are, free ones included.
    pub fn capacity(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    /// Take an object out.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let object = self.place(number)?.take()?;
        self.free.push(number);
        Some(object)
    }

    #[inline]
    fn place(&mut self, number: u32) -> Option<&mut Option<T>> {
        let block = self.blocks.get_mut(number as usize / BLOCK)?;
        Some(&mut block[number as usize % BLOCK])
    }

    /// An object, if there is one of this number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&T> {
        let block = self.blocks.get(number as usize / BLOCK)?;
        block[number as usize % BLOCK].as_ref()
    }

    /// An object, to change.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.place(number)?.as_mut()
    }
}

/// For numbers that the kernel itself keeps: an object's number is held (by a capability, a queue,
/// a binding) only while the object is there, so a miss is a bug of the kernel's own.
impl<T> core::ops::Index<u32> for Pool<T> {
    type Output = T;

    #[inline]
    fn index(&self, number: u32) -> &T {
        self.get(number).expect("kernel bug: object is gone")
    }
}

impl<T> core::ops::IndexMut<u32> for Pool<T> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut T {
        self.get_mut(number).expect("kernel bug: object is gone")
    }
}
