// SPDX-License-Identifier: BSD-2-Clause
//! Which untyped the next objects come from.
//!
//! The kernel makes objects of an untyped from its beginning on, each aligned to its size, and gives nothing back before
//! everything made of it is gone. So it is enough to remember how much of each is used. Objects at a fixed physical address
//! are reached by using up what lies before them.

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

/// What to make next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An untyped of this size, to get past memory that must not be touched.
    Filler {
        /// Index in BootInfo's list.
        untyped: usize,
        /// log2 of its bytes.
        size_bits: u32,
    },
    /// The objects themselves.
    Objects {
        /// Index in BootInfo's list.
        untyped: usize,
    },
}

/// All memory.
#[derive(Default)]
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
    /// so that large ones stay whole.
    ///
    /// # Errors
    /// When no untyped has the room.
    pub fn anywhere(&mut self, bits: u32, count: u64) -> Result<Piece, OutOfMemory> {
        let need = count
            .checked_shl(bits)
            .filter(|n| n >> bits == count)
            .ok_or(OutOfMemory)?;
        let room = |u: &Untyped| {
            let start = u.used.checked_next_multiple_of(1 << bits)?;
            let left = (1u64 << u.size_bits)
                .checked_sub(start)?
                .checked_sub(need)?;
            (!u.device).then_some((left, start))
        };
        let fitting = self
            .untypeds
            .iter()
            .enumerate()
            .filter_map(|(i, u)| Some((room(u)?, i)));
        let ((_, start), index) = fitting
            .min_by_key(|((left, _), i)| (*left, *i))
            .ok_or(OutOfMemory)?;
        if let Some(untyped) = self.untypeds.get_mut(index) {
            untyped.used = start + need;
        }
        Ok(Piece::Objects { untyped: index })
    }

    /// The next piece on the way to `count` objects of 2^`bits` bytes at `paddr`; to be asked again after a filler.
    ///
    /// # Errors
    /// When no untyped has that address, or it has been used.
    pub fn at(&mut self, paddr: u64, bits: u32, count: u64) -> Result<Piece, OutOfMemory> {
        let need = count
            .checked_shl(bits)
            .filter(|n| n >> bits == count)
            .ok_or(OutOfMemory)?;
        let holds = |u: &Untyped| {
            let end = u.paddr.checked_add(1 << u.size_bits);
            paddr >= u.paddr
                && end
                    .zip(paddr.checked_add(need))
                    .is_some_and(|(end, needed)| needed <= end)
        };
        let index = self.untypeds.iter().position(holds).ok_or(OutOfMemory)?;
        let untyped = self.untypeds.get_mut(index).ok_or(OutOfMemory)?;
        let next = untyped.paddr + untyped.used;
        let gap = paddr.checked_sub(next).ok_or(OutOfMemory)?;
        if gap == 0 {
            untyped.used += need;
            return Ok(Piece::Objects { untyped: index });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_untypeds_are_used_up_first() {
        let mut memory = Memory::default();
        memory.add(0x4000_0000, 20, false);
        memory.add(0x4010_0000, 13, false);
        memory.add(0x0900_0000, 24, true);
        assert_eq!(memory.anywhere(12, 2), Ok(Piece::Objects { untyped: 1 }));
        assert_eq!(memory.anywhere(12, 1), Ok(Piece::Objects { untyped: 0 }));
        assert_eq!(memory.anywhere(19, 2), Err(OutOfMemory));
        assert_eq!(memory.anywhere(19, 1), Ok(Piece::Objects { untyped: 0 }));
        // The first 4 KiB, rounded up to 512 KiB, and 512 KiB: full.
        assert_eq!(memory.anywhere(4, 1), Err(OutOfMemory));
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
                    assert_eq!(other, Ok(Piece::Objects { untyped: 0 }));
                    break;
                }
            }
        }
        assert_eq!(at, 0x0904_3000);
        assert_eq!(memory.at(0x0904_3000, 12, 1), Err(OutOfMemory), "used");
        assert_eq!(
            memory.at(0x0904_4000, 12, 1),
            Ok(Piece::Objects { untyped: 0 })
        );
        assert_eq!(memory.at(0x0c00_0000, 12, 1), Err(OutOfMemory), "beyond");
    }
}
