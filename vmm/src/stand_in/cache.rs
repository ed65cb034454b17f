// SPDX-License-Identifier: BSD-2-Clause
//! What was read from the disk lately, in blocks. Each block has one place: of two with the same place the later one stays.

use alloc::vec;
use alloc::vec::Vec;

use molt_shared::Memory;

use super::{SECTOR, overlap};

/// Bytes of a block.
pub const BLOCK: usize = 4096;
/// Sectors of a block.
pub const SECTORS: u64 = (BLOCK / SECTOR) as u64;

/// Blocks as they are on the disk.
pub struct Cache {
    /// One block behind the other.
    memory: Memory,
    /// By place: the block's number on the disk.
    blocks: Vec<Option<u64>>,
}

impl Cache {
    /// An empty cache of as many blocks as `size` bytes at the start of `memory` hold.
    pub fn new(memory: Memory, size: usize) -> Self {
        let places = size.min(memory.size()) / BLOCK;
        Self {
            memory,
            blocks: vec![None; places],
        }
    }

    /// The offset in the memory of this block, if it is there.
    fn find(&self, block: u64) -> Option<usize> {
        let place = self.place(block)?;
        (*self.blocks.get(place)? == Some(block)).then_some(place * BLOCK)
    }

    fn place(&self, block: u64) -> Option<usize> {
        let places = self.blocks.len() as u64;
        block.checked_rem(places).map(|place| place as usize)
    }

    /// Keeps what was read.
    pub fn fill(&mut self, block: u64, bytes: &[u8; BLOCK]) {
        let Some(place) = self.place(block) else {
            return;
        };
        let kept = self.memory.write(place * BLOCK, bytes).is_some();
        if let Some(entry) = self.blocks.get_mut(place) {
            *entry = kept.then_some(block);
        }
    }

    /// Whether this sector is there.
    pub fn has(&self, sector: u64) -> bool {
        self.find(sector / SECTORS).is_some()
    }

    /// Copies the sector out; `None`: it is not there.
    pub fn read(&self, sector: u64, out: &mut [u8; SECTOR]) -> Option<()> {
        let at = self.find(sector / SECTORS)?;
        self.memory.read(at + within(sector), out)
    }

    /// The sector, if it is there, has these contents from now on.
    pub fn update(&mut self, sector: u64, bytes: &[u8; SECTOR]) {
        if let Some(at) = self.find(sector / SECTORS) {
            // A block that is found lies in the memory.
            let _ = self.memory.write(at + within(sector), bytes);
        }
    }

    /// Forgets these sectors.
    pub fn forget(&mut self, sector: u64, sectors: u64) {
        if sectors == 0 {
            return;
        }
        let (first, last) = (
            sector / SECTORS,
            sector.saturating_add(sectors - 1) / SECTORS,
        );
        if last - first < self.blocks.len() as u64 {
            for block in first..=last {
                let entry = self.place(block).and_then(|n| self.blocks.get_mut(n));
                if let Some(entry) = entry.filter(|entry| **entry == Some(block)) {
                    *entry = None;
                }
            }
            return;
        }
        let inside = |block: u64| overlap(block * SECTORS, SECTORS, sector, sectors);
        for entry in &mut self.blocks {
            *entry = entry.filter(|block| !inside(*block));
        }
    }
}

/// Offset of the sector in its block.
const fn within(sector: u64) -> usize {
    (sector % SECTORS) as usize * SECTOR
}
