// SPDX-License-Identifier: BSD-2-Clause
//! The trait [`Device`]: what the driver of a disk needs of one device.

use core::sync::atomic::AtomicU64;

use heapless::Vec;
use molt_block_queue::{Op, Properties, SEGMENTS, Status};

use molt_service::Code;

/// The most requests that are with a device at a time.
pub const REQUESTS: usize = 128;

/// Memory that driver and device share.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    /// The memory as the driver has mapped it.
    pub words: &'a [AtomicU64],
    /// Its physical address; it is physically contiguous.
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

/// A request in the form in which the device gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The operation.
    pub op: Op,
    /// The first sector, counted from the start of the disk.
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
    /// The device has a cache to flush; otherwise a flush succeeds at once.
    pub flush: bool,
    /// Most sectors in a read or a write.
    pub max_sectors: u32,
    /// Most segments in a read or a write.
    pub max_segments: u32,
    /// Longest segment in bytes.
    pub max_segment: u32,
    /// Addresses and lengths of segments must be multiples of this, in bytes; a power of two.
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
    /// The properties that the clients are told.
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
    /// An error after which only a reset of the device helps.
    type Error: Code;

    /// What it can do; `None` while it is starting.
    fn limits(&self) -> Option<&Limits>;

    /// Whether it can take one more request.
    fn has_room(&self) -> bool;

    /// How many requests it has.
    fn in_flight(&self) -> usize;

    /// Takes a request; the device need not be notified of it before [`Self::tell`]. Returns the request's number among those
    /// that the device has, below [`REQUESTS`]; `None` if there is no room.
    fn submit(&mut self, command: &Command) -> Option<usize>;

    /// Notifies the device of what was submitted.
    fn tell(&mut self);

    /// The driver is busy and polls: the device need not interrupt until [`Self::arm`] is called. It may do so all the same.
    fn disarm(&mut self) {}

    /// The driver is about to wait: from now on the device interrupts for what it completes. Returns whether something is done
    /// that [`Self::done`] has not returned yet, for which there may be no interrupt.
    fn arm(&mut self) -> bool {
        false
    }

    /// Reads and acknowledges the interrupt's causes.
    ///
    /// # Errors
    /// The device needs a reset.
    fn interrupt(&mut self) -> Result<(), Self::Error>;

    /// The number of the next request that is done, and its status.
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
