// SPDX-License-Identifier: BSD-2-Clause
//! Decides from which untyped the next objects are made.
//!
//! The kernel makes objects from the beginning of an untyped on, each aligned to its size, and reuses no memory before
//! everything made from the untyped is deleted. So it is enough to record how much of each is used. To make an object at a
//! fixed physical address, the memory before it is used up first.

use heapless::Vec;

/// Untypeds that BootInfo can list.
pub const MOST: usize = 230;

/// An untyped of BootInfo's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untyped {
    /// Physical address.
    pub paddr: u64,
    /// log2 of its bytes.
    pub size_bits: u32,
    /// Device memory: only frames and untypeds can be made of it.
    pub device: bool,
    /// Bytes used.
    used: u64,
}

/// No untyped has the room, or the fixed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// What to make next on the way to objects at a fixed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An untyped of this size, to get past memory that must not be touched.
    Filler {
        /// Index in BootInfo's list.
        untyped: usize,
        /// log2 of its bytes.
        size_bits: u32,
    },
    /// The first of the objects, or all of them.
    Objects(Part),
}

/// Objects that are made of one untyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Index in BootInfo's list.
    pub untyped: usize,
    /// How many.
    pub count: u64,
}

/// One run of objects, side by side in memory, from its first part on. Memory is cut into aligned powers of two: no run
/// lies across more of them than there are sizes of untypeds, once rising and once falling.
pub type Run = Vec<Part, 96>;

/// All memory.
#[derive(Clone, Default)]
pub struct Memory {
    untypeds: Vec<Untyped, MOST>,
}

impl Memory {
    /// Adds the next untyped of BootInfo's list.
    pub fn add(&mut self, paddr: u64, size_bits: u32, device: bool) {
        // BootInfo lists no more than fit.
        let _ = self.untypeds.push(Untyped {
            paddr,
            size_bits,
            device,
            used: 0,
        });
    }

    /// Makes room for `count` objects of 2^`bits` bytes side by side, anywhere in RAM: in the fullest untyped that has it,
    /// so that large ones stay whole; where none has, across several that lie side by side. One of which something was made
    /// comes before those of which nothing was: seL4 clears the whole of an untyped before it makes the first object of it.
    ///
    /// # Errors
    /// When there is no such room.
    pub fn anywhere(&mut self, bits: u32, count: u64) -> Result<Run, OutOfMemory> {
        bytes(bits, count)?;
        let all = 0..self.untypeds.len();
        let whole = all
            .clone()
            .filter_map(|i| Some((self.is_fresh(i), self.room(i, bits)?.checked_sub(count)?, i)))
            .min()
            .and_then(|(_, _, index)| self.run_from(index, bits, count));
        let run = whole.or_else(|| all.rev().find_map(|i| self.run_from(i, bits, count)));
        let run = run.ok_or(OutOfMemory)?;
        for part in &run {
            if let Some(untyped) = self.untypeds.get_mut(part.untyped) {
                untyped.used = untyped.used.next_multiple_of(1 << bits) + (part.count << bits);
            }
        }
        Ok(run)
    }

    /// Bytes of RAM that are not used, wherever they are.
    #[must_use]
    pub fn free(&self) -> u64 {
        let ram = self.untypeds.iter().filter(|untyped| !untyped.device);
        ram.map(|u| (1u64 << u.size_bits).saturating_sub(u.used))
            .sum()
    }

    /// Whether nothing was made of an untyped.
    fn is_fresh(&self, index: usize) -> bool {
        self.untypeds
            .get(index)
            .is_some_and(|untyped| untyped.used == 0)
    }

    /// How many objects an untyped of RAM still has room for.
    fn room(&self, index: usize, bits: u32) -> Option<u64> {
        let untyped = self.untypeds.get(index).filter(|u| !u.device)?;
        let start = untyped.used.checked_next_multiple_of(1 << bits)?;
        Some((1u64 << untyped.size_bits).checked_sub(start)? >> bits)
    }

    /// The run that begins in the rest of an untyped and continues in the unused ones behind it.
    fn run_from(&self, first: usize, bits: u32, count: u64) -> Option<Run> {
        let mut run = Run::new();
        let (mut untyped, mut missing) = (first, count);
        loop {
            let some = self.room(untyped, bits)?.min(missing);
            if some == 0 && count > 0 {
                return None;
            }
            run.push(Part {
                untyped,
                count: some,
            })
            .ok()?;
            missing -= some;
            if missing == 0 {
                return Some(run);
            }
            let end = self.untypeds.get(untyped).and_then(Untyped::end)?;
            untyped = (self.untypeds.iter()).position(|u| u.paddr == end && u.used == 0)?;
        }
    }

    /// The next piece on the way to `count` objects of 2^`bits` bytes at `paddr`; to be asked again after a filler, and for
    /// the rest after some of the objects.
    ///
    /// # Errors
    /// When no untyped has that address, or it has been used, or the objects do not fit where they should be.
    pub fn at(&mut self, paddr: u64, bits: u32, count: u64) -> Result<Piece, OutOfMemory> {
        bytes(bits, count)?;
        let holds = |u: &Untyped| u.paddr <= paddr && u.end().is_some_and(|end| paddr < end);
        let index = self.untypeds.iter().position(holds).ok_or(OutOfMemory)?;
        let untyped = self.untypeds.get_mut(index).ok_or(OutOfMemory)?;
        let next = untyped.paddr + untyped.used;
        let gap = paddr.checked_sub(next).ok_or(OutOfMemory)?;
        if gap == 0 {
            let room = (untyped.end().ok_or(OutOfMemory)? - paddr) >> bits;
            let part = Part {
                untyped: index,
                count: room.min(count),
            };
            if part.count == 0 {
                return Err(OutOfMemory);
            }
            untyped.used += part.count << bits;
            return Ok(Piece::Objects(part));
        }
        // The largest aligned untyped that does not reach beyond the address.
        let size_bits = next.trailing_zeros().min(gap.ilog2()).min(47);
        untyped.used += 1 << size_bits;
        Ok(Piece::Filler {
            untyped: index,
            size_bits,
        })
    }
}

impl Untyped {
    /// First address behind it.
    fn end(&self) -> Option<u64> {
        self.paddr.checked_add(1 << self.size_bits)
    }
}

/// The bytes of so many objects.
fn bytes(bits: u32, count: u64) -> Result<u64, OutOfMemory> {
    let all = count.checked_shl(bits);
    all.filter(|n| n >> bits == count).ok_or(OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(found: Result<Run, OutOfMemory>) -> std::vec::Vec<(usize, u64)> {
        let run = found.expect("room");
        run.iter().map(|part| (part.untyped, part.count)).collect()
    }

    fn objects(untyped: usize, count: u64) -> Result<Piece, OutOfMemory> {
        Ok(Piece::Objects(Part { untyped, count }))
    }

    /// A gibibyte of a machine that has one and a half, in none of whose untypeds it fits.
    #[test]
    fn a_run_lies_across_untypeds_side_by_side() {
        let mut memory = Memory::default();
        memory.add(0xc000_0000, 30, true);
        for (paddr, bits) in [
            (0x6800_0000, 27),
            (0x7000_0000, 28),
            (0x8000_0000, 29),
            (0xa000_0000, 28),
        ] {
            memory.add(paddr, bits, false);
        }
        assert_eq!(run(memory.anywhere(21, 16)), [(1, 16)]);
        // The end of the memory first: what is cut off stays whole.
        assert_eq!(
            run(memory.anywhere(21, 512)),
            [(2, 128), (3, 256), (4, 128)]
        );
        assert_eq!(memory.anywhere(21, 49), Err(OutOfMemory));
        assert_eq!(run(memory.anywhere(21, 48)), [(1, 48)]);
    }

    #[test]
    fn fixed_objects_lie_across_untypeds_side_by_side() {
        let mut memory = Memory::default();
        memory.add(0x800_0000, 12, true);
        memory.add(0x800_1000, 12, true);
        assert_eq!(memory.at(0x800_0000, 12, 3), objects(0, 1));
        assert_eq!(memory.at(0x800_1000, 12, 2), objects(1, 1));
        assert_eq!(memory.at(0x800_2000, 12, 1), Err(OutOfMemory));
        let mut memory = Memory::default();
        memory.add(0x20_0000, 20, true);
        assert_eq!(memory.at(0x20_0000, 21, 1), Err(OutOfMemory), "too large");
    }

    #[test]
    fn small_untypeds_are_used_up_first() {
        let mut memory = Memory::default();
        memory.add(0x4000_0000, 20, false);
        memory.add(0x4010_0000, 13, false);
        memory.add(0x0900_0000, 24, true);
        assert_eq!(run(memory.anywhere(12, 2)), [(1, 2)]);
        assert_eq!(run(memory.anywhere(12, 1)), [(0, 1)]);
        assert_eq!(memory.anywhere(19, 2), Err(OutOfMemory));
        assert_eq!(run(memory.anywhere(19, 1)), [(0, 1)]);
        // The first 4 KiB, rounded up to 512 KiB, and 512 KiB: full.
        assert_eq!(memory.anywhere(4, 1), Err(OutOfMemory));
    }

    #[test]
    fn an_untyped_is_used_up_before_the_next_is_begun() {
        let mut memory = Memory::default();
        memory.add(0x4000_0000, 26, false);
        memory.add(0x4800_0000, 24, false);
        assert_eq!(run(memory.anywhere(21, 9)), [(0, 9)]);
        assert_eq!(run(memory.anywhere(21, 8)), [(0, 8)]);
        assert_eq!(run(memory.anywhere(21, 8)), [(0, 8)]);
        assert_eq!(
            run(memory.anywhere(21, 8)),
            [(1, 8)],
            "the other has room for 7"
        );
    }

    #[test]
    fn fillers_lead_exactly_to_the_address() {
        let mut memory = Memory::default();
        memory.add(0x0800_0000, 26, true);
        let mut at = 0x0800_0000;
        loop {
            match memory.at(0x0904_3000, 12, 1) {
                Ok(Piece::Filler {
                    untyped: 0,
                    size_bits,
                }) => {
                    assert!(
                        at % (1 << size_bits) == 0,
                        "{at:#x} is not aligned to 2^{size_bits}"
                    );
                    at += 1 << size_bits;
                }
                other => {
                    assert_eq!(other, objects(0, 1));
                    break;
                }
            }
        }
        assert_eq!(at, 0x0904_3000);
        assert_eq!(memory.at(0x0904_3000, 12, 1), Err(OutOfMemory), "used");
        assert_eq!(memory.at(0x0904_4000, 12, 1), objects(0, 1));
        assert_eq!(memory.at(0x0c00_0000, 12, 1), Err(OutOfMemory), "beyond");
    }
}
