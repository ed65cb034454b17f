// SPDX-License-Identifier: BSD-2-Clause
//! The seam between what every driver of a disk does and what one device needs.

use core::sync::atomic::AtomicU64;

use heapless::Vec;
use molt_block_queue::{Op, Properties, SEGMENTS, Status};

use molt_service::Code;

/// A device has at most so many requests at a time.
pub const REQUESTS: usize = 128;

/// Memory that driver and device share.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    /// As the driver sees it.
    pub words: &'a [AtomicU64],
    /// Where it is in physical memory; physically contiguous.
    pub physical: u64,
}

/// A piece of physical memory for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Physical address.
    pub address: u64,
    /// In bytes.
    pub len: u32,
}

/// A request as the device gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// What is asked.
    pub op: Op,
    /// Counted from the start of the disk.
    pub sector: u64,
    /// How many sectors.
    pub sectors: u32,
    /// Where the data is.
    pub pieces: Vec<Piece, SEGMENTS>,
}

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In sectors of 512 bytes.
    pub capacity: u64,
    /// The device's preferred unit in bytes.
    pub block_size: u32,
    /// Only reads succeed.
    pub read_only: bool,
    /// A flush means something to it; otherwise it succeeds at once.
    pub flush: bool,
    /// Most sectors in a read or a write.
    pub max_sectors: u32,
    /// Most segments in a read or a write.
    pub max_segments: u32,
    /// Longest segment in bytes.
    pub max_segment: u32,
    /// What segments' addresses and lengths are multiples of, in bytes; a power of two.
    pub alignment: u32,
    /// The first physical address that it cannot reach.
    pub memory_end: u64,
    /// Most sectors in a discard; 0: none.
    pub max_discard_sectors: u32,
    /// Most sectors in a write-zeroes; 0: none.
    pub max_write_zeroes_sectors: u32,
}

impl Default for Command {
    /// A flush.
    fn default() -> Self {
        Self {
            op: Op::Flush,
            sector: 0,
            sectors: 0,
            pieces: Vec::new(),
        }
    }
}

impl Limits {
    /// What clients are told of them.
    pub(crate) fn properties(&self) -> Properties {
        Properties {
            read_only: self.read_only,
            flush: self.flush,
            max_discard_sectors: self.max_discard_sectors,
            max_write_zeroes_sectors: self.max_write_zeroes_sectors,
            block_size: self.block_size,
            max_segments: self.max_segments,
        }
    }
}

/// A disk's controller, started or starting.
pub trait Device {
    /// What makes the driver give up.
    type Error: Code;

    /// What it can do; `None` while it is starting.
    fn limits(&self) -> Option<&Limits>;

    /// Does it take one more request?
    fn has_room(&self) -> bool;

    /// How many requests it has.
    fn in_flight(&self) -> usize;

    /// Takes a request, which the device need not be told of before [`Self::tell`]. The request's number among those
    /// that it has, below [`REQUESTS`]; `None`: no room.
    fn submit(&mut self, command: &Command) -> Option<usize>;

    /// Tells the device of what was submitted.
    fn tell(&mut self);

    /// The driver is at work, and looks for what is done by itself: the device need not interrupt until [`Self::arm`]. It may.
    fn disarm(&mut self) {}

    /// The driver is about to wait: the device interrupts for what it does from now on. Whether something is done that
    /// [`Self::done`] has not been asked for: that may come without an interrupt.
    fn arm(&mut self) -> bool {
        false
    }

    /// Reads and acknowledges the interrupt's causes.
    ///
    /// # Errors
    /// The device needs a reset.
    fn interrupt(&mut self) -> Result<(), Self::Error>;

    /// The next request that is done, by its number, and how it ended.
    ///
    /// # Errors
    /// The device needs a reset.
    fn done(&mut self) -> Result<Option<(usize, Status)>, Self::Error>;

    /// Resets the device: it touches no memory any more.
    ///
    /// # Errors
    /// The device does not reset.
    fn stop(&mut self) -> Result<(), Self::Error>;
}
