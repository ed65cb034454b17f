// SPDX-License-Identifier: BSD-2-Clause
//! The guest's memory by guest-physical address. The guest may write it at any time, so each value is read once and then
//! checked.

use molt_shared::Memory;

/// One region of memory and where the guest sees it.
#[derive(Clone, Copy, Debug)]
pub struct Ram {
    memory: Memory,
    base: u64,
}

impl Ram {
    /// `memory` at guest-physical address `base`.
    #[must_use]
    pub const fn new(memory: Memory, base: u64) -> Self {
        Self { memory, base }
    }

    /// Its guest-physical address.
    #[must_use]
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.memory.size() as u64
    }

    /// Makes `length` bytes from offset `at` on zero, both multiples of 8; `None`, and nothing changed, outside.
    pub fn clear(&self, at: u64, length: u64) -> Option<()> {
        self.memory.clear(at as usize, length as usize)
    }

    /// Copies bytes to offset `at`; `None`, and nothing copied, outside.
    pub fn fill(&self, at: u64, from: &[u8]) -> Option<()> {
        self.memory.write(at as usize, from)
    }

    /// Offset in the region of `length` bytes at `address`; `None` if any of them lies outside.
    #[must_use]
    pub fn offset(&self, address: u64, length: u64) -> Option<u64> {
        let offset = address.checked_sub(self.base)?;
        (offset.checked_add(length)? <= self.memory.size() as u64).then_some(offset)
    }

    /// An address below the region wraps around to an offset that is beyond its end, whatever its length: the region is shorter
    /// than half of all addresses.
    fn at(&self, address: u64) -> usize {
        address.wrapping_sub(self.base) as usize
    }

    /// A little-endian halfword; `None` outside or misaligned.
    #[must_use]
    pub fn load_u16(&self, address: u64) -> Option<u16> {
        self.memory.load_u16(self.at(address)).map(u16::from_le)
    }

    /// Loads two little-endian doublewords in a row, at any alignment; `None` outside.
    #[must_use]
    pub fn load_pair(&self, address: u64) -> Option<(u64, u64)> {
        let at = self.at(address);
        if let Some((first, second)) = self.memory.load_pair_u64(at) {
            return Some((u64::from_le(first), u64::from_le(second)));
        }
        // In place: a call would cost every request the registers that it may change.
        let mut bytes = [0; 16];
        let (mut at, mut rest) = (at, &mut bytes[..]);
        while !rest.is_empty() {
            let word = (rest.len() >= 8).then(|| self.memory.load_u64(at));
            let len = if let Some(Some(word)) = word {
                rest.get_mut(..8)?.copy_from_slice(&word.to_ne_bytes());
                8
            } else {
                *rest.first_mut()? = self.memory.load_u8(at)?;
                1
            };
            (at, rest) = (at + len, rest.get_mut(len..)?);
        }
        let both = u128::from_le_bytes(bytes);
        Some((both as u64, (both >> 64) as u64))
    }

    /// Stores a little-endian halfword; `None` outside or misaligned.
    pub fn store_u16(&self, address: u64, value: u16) -> Option<()> {
        self.memory.store_u16(self.at(address), value.to_le())
    }

    /// Stores a little-endian word; `None` outside or misaligned.
    pub fn store_u32(&self, address: u64, value: u32) -> Option<()> {
        self.memory.store_u32(self.at(address), value.to_le())
    }

    /// Stores a byte; `None` outside.
    pub fn store_u8(&self, address: u64, value: u8) -> Option<()> {
        self.memory.store_u8(self.at(address), value)
    }

    /// Copies bytes out; `None`, and nothing copied, outside.
    pub fn read(&self, address: u64, out: &mut [u8]) -> Option<()> {
        self.memory.read(self.at(address), out)
    }

    /// Copies bytes in; `None`, and nothing copied, outside.
    pub fn write(&self, address: u64, from: &[u8]) -> Option<()> {
        self.memory.write(self.at(address), from)
    }
}
