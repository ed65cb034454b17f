// SPDX-License-Identifier: BSD-2-Clause
//! A client's share of the disk and its memory, and the check that a request stays inside both.

use molt_block_queue::{OWN, Op, Request};

use crate::device::{Command, Limits, Piece};

/// What a client may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The disk's sector that is the client's sector 0.
    pub first_sector: u64,
    /// How many sectors the client has.
    pub sectors: u64,
    /// Physical address of the client's memory.
    pub memory: u64,
    /// Its size in bytes.
    pub memory_size: u64,
    /// Physical address of the client's queue region, for segments from [`OWN`] on.
    pub queue: u64,
    /// Its size in bytes; 0: the client has no such segments.
    pub queue_size: u64,
}

/// Why a request does not reach the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Outside the share or the memory, a write to a read-only disk, or longer or less aligned than the device takes.
    Bounds,
    /// The device does not do it.
    Unsupported,
    /// A flush of a device without a cache: it succeeds at once.
    Nothing,
}

impl Share {
    /// Whether the share is inside the disk, and the memory inside what the device can reach.
    pub fn fits(&self, limits: &Limits) -> bool {
        let inside = |start: u64, size: u64, end: u64| {
            let last = start.checked_add(size);
            last.is_some_and(|last| last <= end)
        };
        inside(self.first_sector, self.sectors, limits.capacity)
            && inside(self.memory, self.memory_size, limits.memory_end)
            && inside(self.queue, self.queue_size, limits.memory_end)
    }

    /// Makes the request a command for the device.
    ///
    /// # Errors
    /// Why the device does not get it. The contents of `command` are undefined then.
    pub fn translate(
        &self,
        request: &Request,
        limits: &Limits,
        command: &mut Command,
    ) -> Result<(), Rejected> {
        let longest = match request.op {
            Op::Flush if !limits.flush => return Err(Rejected::Nothing),
            Op::Discard if limits.max_discard_sectors == 0 => return Err(Rejected::Unsupported),
            Op::WriteZeroes if limits.max_write_zeroes_sectors == 0 => {
                return Err(Rejected::Unsupported);
            }
            Op::Discard => limits.max_discard_sectors,
            Op::WriteZeroes => limits.max_write_zeroes_sectors,
            Op::Read | Op::Write | Op::Flush => limits.max_sectors,
        };
        let reads = matches!(request.op, Op::Read | Op::Flush);
        let end = request.sector.checked_add(request.sectors.into());
        if end.is_none_or(|end| end > self.sectors)
            || request.sectors > longest
            || request.segments.len() > limits.max_segments as usize
            || limits.read_only && !reads
        {
            return Err(Rejected::Bounds);
        }
        command.pieces.clear();
        for segment in &request.segments {
            let own = segment.offset >= OWN && request.op == Op::Write;
            let (memory, size, offset) = match own {
                true => (self.queue, self.queue_size, segment.offset - OWN),
                false => (self.memory, self.memory_size, segment.offset),
            };
            let end = offset.checked_add(segment.len.into());
            let address = memory.wrapping_add(offset);
            let aligned = (address | u64::from(segment.len)) & u64::from(limits.alignment - 1) == 0;
            if end.is_none_or(|end| end > size) || segment.len > limits.max_segment || !aligned {
                return Err(Rejected::Bounds);
            }
            let len = segment.len;
            let piece = Piece { address, len };
            command.pieces.push(piece).map_err(|_| Rejected::Bounds)?;
        }
        command.op = request.op;
        // A flush has no sector.
        command.sector = match request.op {
            Op::Flush => 0,
            _ => self.first_sector.wrapping_add(request.sector),
        };
        command.sectors = request.sectors;
        Ok(())
    }
}
