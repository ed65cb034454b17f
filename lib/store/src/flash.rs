// SPDX-License-Identifier: BSD-2-Clause
//! The trait [`Flash`]: what the store needs of a NOR flash.

/// The shape of a flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of a block, which is erased at once: a power of two.
    pub block_size: u32,
    /// How many blocks.
    pub blocks: u32,
}

impl Geometry {
    /// Bytes in all.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.block_size as u64 * self.blocks as u64
    }
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// Beyond the end, or not aligned.
    Outside,
    /// It was not done by its deadline.
    TimedOut,
    /// The part reports that an erase failed.
    Erase,
    /// The part reports that a program failed.
    Program,
    /// The block is locked, and stays so.
    Locked,
    /// The programming voltage is too low.
    Voltage,
}

/// A NOR flash: an erase sets all bits of a block, a program clears bits.
///
/// A program or an erase is durable only after the next [`Self::flush`]: until then a power cut may leave any of its words
/// done, not done, or half done. A failure of an earlier one may be reported by any later call.
pub trait Flash {
    /// Its shape.
    fn geometry(&self) -> Geometry;
    /// Whether an operation is under way, for which the next call would wait. As provided there never is one.
    fn is_busy(&mut self) -> bool {
        false
    }
    /// Reads `out.len()` bytes from `offset` on; both are multiples of 4.
    ///
    /// # Errors
    /// Outside, or an earlier operation failed.
    fn read(&mut self, offset: u32, out: &mut [u8]) -> Result<(), FlashError>;
    /// Programs `data` at `offset`; both are multiples of 4.
    ///
    /// # Errors
    /// As the part reports.
    fn program(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError>;
    /// Erases the block that begins at `offset`.
    ///
    /// # Errors
    /// As the part reports.
    fn erase(&mut self, offset: u32) -> Result<(), FlashError>;
    /// Waits until everything is durable.
    ///
    /// # Errors
    /// One of the operations since the last call failed.
    fn flush(&mut self) -> Result<(), FlashError>;
}
