// SPDX-License-Identifier: BSD-2-Clause
//! A client's share of the disk and its memory, and whether a request stays inside.

use heapless::Vec;
use molt_queue::{Op, Request, SEGMENTS};

use crate::config::Config;
use crate::registers::Features;

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
}

/// A piece of physical memory for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub address: u64,
    pub len: u32,
}

/// A request as the device gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub op: Op,
    /// Counted from the start of the disk.
    pub sector: u64,
    pub sectors: u32,
    pub pieces: Vec<Piece, SEGMENTS>,
}

/// Why a request does not reach the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Outside the share or the memory, a write to a read-only disk, or longer than the device takes.
    Bounds,
    /// The device does not do it.
    Unsupported,
    /// A flush of a device without a write cache: done by having nothing to do (5.2.5.2).
    Nothing,
}

impl Share {
    /// Is the share inside a disk of so many sectors?
    pub fn fits(&self, capacity: u64) -> bool {
        let end = self.first_sector.checked_add(self.sectors);
        end.is_some_and(|end| end <= capacity)
            && self.memory.checked_add(self.memory_size).is_some()
    }

    /// The request as a command for the device.
    pub fn translate(
        &self,
        request: &Request,
        config: &Config,
        features: Features,
    ) -> Result<Command, Rejected> {
        let limit = match request.op {
            Op::Flush if !features.contains(Features::FLUSH) => return Err(Rejected::Nothing),
            Op::Discard if config.max_discard_sectors == 0 => return Err(Rejected::Unsupported),
            Op::WriteZeroes if config.max_write_zeroes_sectors == 0 => {
                return Err(Rejected::Unsupported);
            }
            Op::Discard => config.max_discard_sectors,
            Op::WriteZeroes => config.max_write_zeroes_sectors,
            Op::Read | Op::Write | Op::Flush => u32::MAX,
        };
        let reads = matches!(request.op, Op::Read | Op::Flush);
        let end = request.sector.checked_add(request.sectors.into());
        if end.is_none_or(|end| end > self.sectors)
            || request.sectors > limit
            || features.contains(Features::RO) && !reads
        {
            return Err(Rejected::Bounds);
        }
        let mut pieces = Vec::new();
        for segment in &request.segments {
            let end = segment.offset.checked_add(segment.len.into());
            if end.is_none_or(|end| end > self.memory_size) || segment.len > config.size_max {
                return Err(Rejected::Bounds);
            }
            let piece = Piece {
                address: self.memory.wrapping_add(segment.offset),
                len: segment.len,
            };
            pieces.push(piece).map_err(|_| Rejected::Bounds)?;
        }
        Ok(Command {
            op: request.op,
            // A flush has sector 0 (5.2.6.1).
            sector: match request.op {
                Op::Flush => 0,
                _ => self.first_sector.wrapping_add(request.sector),
            },
            sectors: request.sectors,
            pieces,
        })
    }
}
