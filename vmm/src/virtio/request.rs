// SPDX-License-Identifier: BSD-2-Clause
//! From a chain of buffers to a request to the driver (virtio 1.2, 5.2.6).
//!
//! Framing is the driver's choice (2.7.4.1): the readable buffers are one stream of header and data, the writable ones
//! one stream of data and, as the very last byte, the status.

use molt_queue::{Op, Request, Segment};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::ram::Ram;
use crate::virtio::queue::{Buffer, Chain};

/// Bytes of a sector.
pub const SECTOR: u64 = 512;
/// Data segments of one request.
pub const SEGMENTS: usize = 16;
/// VIRTIO_BLK_S_OK.
pub const OK: u8 = 0;
/// VIRTIO_BLK_S_IOERR.
pub const IO_ERROR: u8 = 1;
/// VIRTIO_BLK_S_UNSUPP.
pub const UNSUPPORTED: u8 = 2;

const HEADER: usize = 16;
const ID: usize = 20;

/// What the disk can do, beside reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ability {
    /// Number of sectors.
    pub sectors: u64,
    /// Offers VIRTIO_BLK_F_FLUSH.
    pub flush: bool,
    /// Offers VIRTIO_BLK_F_DISCARD.
    pub discard: bool,
    /// Offers VIRTIO_BLK_F_WRITE_ZEROES.
    pub write_zeroes: bool,
}

/// What is to be done with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, and no heap"
)]
pub enum Work {
    /// Pass the request on; when it succeeds, `written` bytes were written before the status.
    Submit {
        /// The request.
        request: Request,
        /// Bytes written by the device before the status byte.
        written: u32,
    },
    /// Answer at once.
    Answer {
        /// The status byte.
        status: u8,
        /// Bytes written before it.
        written: u32,
    },
}

/// A chain that was understood so far that an answer can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// What to do.
    pub work: Work,
    /// Guest-physical address of the status byte; lies in the guest's memory.
    pub status: u64,
}

/// Takes a chain apart. `None` if there is no place for a status in it.
#[must_use]
pub fn parse(chain: &Chain, ram: &Ram, ability: &Ability) -> Option<Parsed> {
    let last = chain.last.filter(|last| last.write && last.length > 0)?;
    let status = last.address.checked_add(u64::from(last.length) - 1)?;
    ram.offset(status, 1)?;
    let work = if chain.too_long {
        Work::Answer {
            status: IO_ERROR,
            written: 0,
        }
    } else {
        understand(chain, ram, ability).unwrap_or_else(|status| Work::Answer { status, written: 0 })
    };
    Some(Parsed { work, status })
}

#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Header {
    operation: [u8; 4],
    _reserved: [u8; 4],
    sector: [u8; 8],
}

#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Range {
    sector: [u8; 8],
    sectors: [u8; 4],
    flags: [u8; 4],
}

fn understand(chain: &Chain, ram: &Ram, ability: &Ability) -> Result<Work, u8> {
    let (mut readable, mut writable) = streams(chain);
    let mut header = [0; HEADER];
    take(&mut readable, ram, &mut header)?;
    let header = Header::read_from_bytes(&header).map_err(|_| IO_ERROR)?;
    if let Some(status) = writable.iter_mut().rev().find(|buffer| buffer.length > 0) {
        status.length -= 1;
    }
    let sector = u64::from_le_bytes(header.sector);
    match u32::from_le_bytes(header.operation) {
        0 => data(Op::Read, sector, &writable, ram, ability),
        1 => data(Op::Write, sector, &readable, ram, ability),
        4 if ability.flush => submit(Op::Flush, 0, 0, heapless::Vec::new(), 0),
        8 => identify(&writable, ram),
        11 if ability.discard => range(Op::Discard, &mut readable, ram, ability),
        13 if ability.write_zeroes => range(Op::WriteZeroes, &mut readable, ram, ability),
        _ => Err(UNSUPPORTED),
    }
}

type Stream = heapless::Vec<Buffer, { crate::virtio::queue::BUFFERS }>;

fn streams(chain: &Chain) -> (Stream, Stream) {
    let part = |write| {
        chain
            .buffers
            .iter()
            .copied()
            .filter(|buffer| buffer.write == write)
            .collect()
    };
    (part(false), part(true))
}

/// Takes the first bytes out of a stream.
fn take(stream: &mut Stream, ram: &Ram, mut out: &mut [u8]) -> Result<(), u8> {
    for buffer in stream {
        let length = out.len().min(buffer.length as usize);
        let (now, later) = out.split_at_mut(length);
        ram.read(buffer.address, now).ok_or(IO_ERROR)?;
        buffer.address = buffer.address.checked_add(length as u64).ok_or(IO_ERROR)?;
        buffer.length -= length as u32;
        out = later;
        if out.is_empty() {
            return Ok(());
        }
    }
    Err(IO_ERROR)
}

fn data(op: Op, sector: u64, stream: &Stream, ram: &Ram, ability: &Ability) -> Result<Work, u8> {
    let mut segments = heapless::Vec::new();
    let mut length = 0_u64;
    for buffer in stream.iter().filter(|buffer| buffer.length > 0) {
        let offset = ram
            .offset(buffer.address, buffer.length.into())
            .ok_or(IO_ERROR)?;
        segments
            .push(Segment {
                offset,
                len: buffer.length,
            })
            .map_err(|_| IO_ERROR)?;
        length += u64::from(buffer.length);
    }
    if length == 0 || !length.is_multiple_of(SECTOR) {
        return Err(IO_ERROR);
    }
    let sectors = u32::try_from(length / SECTOR).map_err(|_| IO_ERROR)?;
    inside(sector, sectors, ability)?;
    let written = if op == Op::Read {
        u32::try_from(length).map_err(|_| IO_ERROR)?
    } else {
        0
    };
    submit(op, sector, sectors, segments, written)
}

/// One range for each request: that is what the configuration says (max_discard_seg, max_write_zeroes_seg).
fn range(op: Op, readable: &mut Stream, ram: &Ram, ability: &Ability) -> Result<Work, u8> {
    const UNMAP: u32 = 1;
    let mut range = [0; 16];
    take(readable, ram, &mut range)?;
    if readable.iter().any(|buffer| buffer.length > 0) {
        return Err(UNSUPPORTED);
    }
    let range = Range::read_from_bytes(&range).map_err(|_| IO_ERROR)?;
    // 5.2.6.2: reserved bits, and unmap in a discard, are refused.
    let flags = u32::from_le_bytes(range.flags);
    let allowed = if op == Op::WriteZeroes { UNMAP } else { 0 };
    if flags & !allowed != 0 {
        return Err(UNSUPPORTED);
    }
    let (sector, sectors) = (
        u64::from_le_bytes(range.sector),
        u32::from_le_bytes(range.sectors),
    );
    inside(sector, sectors, ability)?;
    submit(op, sector, sectors, heapless::Vec::new(), 0)
}

fn identify(writable: &Stream, ram: &Ram) -> Result<Work, u8> {
    let mut id: &[u8] = b"molt\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for buffer in writable.iter() {
        let (now, later) = id.split_at(id.len().min(buffer.length as usize));
        ram.write(buffer.address, now).ok_or(IO_ERROR)?;
        id = later;
    }
    if id.is_empty() {
        Ok(Work::Answer {
            status: OK,
            written: ID as u32,
        })
    } else {
        Err(IO_ERROR)
    }
}

fn inside(sector: u64, sectors: u32, ability: &Ability) -> Result<(), u8> {
    let end = sector.checked_add(sectors.into()).ok_or(IO_ERROR)?;
    if end <= ability.sectors {
        Ok(())
    } else {
        Err(IO_ERROR)
    }
}

fn submit(
    op: Op,
    sector: u64,
    sectors: u32,
    segments: heapless::Vec<Segment, SEGMENTS>,
    written: u32,
) -> Result<Work, u8> {
    Ok(Work::Submit {
        request: Request {
            op,
            sector,
            sectors,
            segments,
        },
        written,
    })
}
