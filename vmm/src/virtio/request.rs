// SPDX-License-Identifier: BSD-2-Clause
//! Parses a chain of buffers into a request to the driver (virtio 1.2, 5.2.6).
//!
//! The guest chooses the framing (2.7.4.1): the readable buffers are one stream of header and data, the writable ones
//! one stream of data and, as the last byte, the status.

use molt_block_queue::{Op, Request, Segment};

use crate::ram::Ram;
use crate::virtio::queue::{Buffer, Chain};

/// Bytes of a sector.
pub const SECTOR: u64 = 512;
/// VIRTIO_BLK_S_OK.
pub const OK: u8 = 0;
/// VIRTIO_BLK_S_IOERR.
pub const IO_ERROR: u8 = 1;
/// VIRTIO_BLK_S_UNSUPP.
pub const UNSUPPORTED: u8 = 2;

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

/// What has to be done with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Pass the request on; when it succeeds, `written` bytes were written before the status.
    Submit {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// What to do.
    pub work: Work,
    /// Guest-physical address of the status byte; lies in the guest's memory.
    pub status: u64,
}

/// Parses a chain; its buffers are undefined afterwards. A request to be passed on is stored in `request`.
/// `None` if the chain has no place for a status.
#[must_use]
#[inline(always)]
pub fn parse(
    chain: &mut Chain,
    ram: &Ram,
    ability: &Ability,
    request: &mut Request,
) -> Option<Parsed> {
    let last = chain.last().filter(|last| last.write && last.length > 0)?;
    let status = last.address.checked_add(u64::from(last.length) - 1)?;
    ram.offset(status, 1)?;
    let work = if chain.is_too_long() {
        Work::Answer {
            status: IO_ERROR,
            written: 0,
        }
    } else {
        understand(chain, ram, ability, request)
            .unwrap_or_else(|status| Work::Answer { status, written: 0 })
    };
    Some(Parsed { work, status })
}

#[inline(always)]
fn understand(
    chain: &mut Chain,
    ram: &Ram,
    ability: &Ability,
    request: &mut Request,
) -> Result<Work, u8> {
    let (readable, writable) = chain
        .buffers
        .split_at_mut_checked(chain.readable)
        .ok_or(IO_ERROR)?;
    let (operation, sector) = take(readable, ram)?;
    // The status, which is the last byte of the last buffer.
    if let Some(last) = writable.last_mut() {
        last.length -= 1;
    }
    request.segments.clear();
    // The header's upper half is reserved.
    match operation as u32 {
        0 => data(Op::Read, sector, writable, ram, ability, request),
        1 => data(Op::Write, sector, readable, ram, ability, request),
        4 if ability.flush => {
            *request = Request::flush();
            Ok(Work::Submit { written: 0 })
        }
        8 => identify(writable, ram),
        11 if ability.discard => range(Op::Discard, readable, ram, ability, request),
        13 if ability.write_zeroes => range(Op::WriteZeroes, readable, ram, ability, request),
        _ => Err(UNSUPPORTED),
    }
}

/// Takes the first 16 bytes out of a stream, as two little-endian doublewords.
fn take(stream: &mut [Buffer], ram: &Ram) -> Result<(u64, u64), u8> {
    const LENGTH: u32 = 16;
    // What every driver does: one buffer holds it.
    if let Some(first) = stream.first_mut()
        && first.length >= LENGTH
    {
        let words = ram.load_pair(first.address).ok_or(IO_ERROR)?;
        advance(first, LENGTH)?;
        return Ok(words);
    }
    let mut bytes = [0; LENGTH as usize];
    let mut out = &mut bytes[..];
    for buffer in stream {
        let length = out.len().min(buffer.length as usize);
        let (now, later) = out.split_at_mut(length);
        ram.read(buffer.address, now).ok_or(IO_ERROR)?;
        advance(buffer, length as u32)?;
        out = later;
    }
    if !out.is_empty() {
        return Err(IO_ERROR);
    }
    let both = u128::from_le_bytes(bytes);
    Ok((both as u64, (both >> 64) as u64))
}

/// Leaves the first bytes of a buffer out.
fn advance(buffer: &mut Buffer, length: u32) -> Result<(), u8> {
    buffer.address = buffer.address.checked_add(length.into()).ok_or(IO_ERROR)?;
    buffer.length -= length;
    Ok(())
}

#[inline(always)]
fn data(
    op: Op,
    sector: u64,
    stream: &[Buffer],
    ram: &Ram,
    ability: &Ability,
    request: &mut Request,
) -> Result<Work, u8> {
    let mut length = 0_u64;
    for buffer in stream.iter().filter(|buffer| buffer.length > 0) {
        let len = buffer.length;
        let offset = ram.offset(buffer.address, len.into()).ok_or(IO_ERROR)?;
        length += u64::from(len);
        request
            .segments
            .push(Segment { offset, len })
            .map_err(|_| IO_ERROR)?;
    }
    if length == 0 || !length.is_multiple_of(SECTOR) {
        return Err(IO_ERROR);
    }
    let sectors = u32::try_from(length / SECTOR).map_err(|_| IO_ERROR)?;
    let written = if op == Op::Read {
        u32::try_from(length).map_err(|_| IO_ERROR)?
    } else {
        0
    };
    submit(op, sector, sectors, written, ability, request)
}

/// One range for each request: that is what the configuration says (max_discard_seg, max_write_zeroes_seg).
fn range(
    op: Op,
    readable: &mut [Buffer],
    ram: &Ram,
    ability: &Ability,
    request: &mut Request,
) -> Result<Work, u8> {
    const UNMAP: u32 = 1;
    let (sector, rest) = take(readable, ram)?;
    if readable.iter().any(|buffer| buffer.length > 0) {
        return Err(UNSUPPORTED);
    }
    let (sectors, flags) = (rest as u32, (rest >> 32) as u32);
    // 5.2.6.2: reserved bits, and unmap in a discard, are refused.
    let allowed = if op == Op::WriteZeroes { UNMAP } else { 0 };
    if flags & !allowed != 0 {
        return Err(UNSUPPORTED);
    }
    submit(op, sector, sectors, 0, ability, request)
}

fn identify(writable: &[Buffer], ram: &Ram) -> Result<Work, u8> {
    let mut id: &[u8] = b"molt\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for buffer in writable {
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

fn submit(
    op: Op,
    sector: u64,
    sectors: u32,
    written: u32,
    ability: &Ability,
    request: &mut Request,
) -> Result<Work, u8> {
    let end = sector.checked_add(sectors.into()).ok_or(IO_ERROR)?;
    if end > ability.sectors {
        return Err(IO_ERROR);
    }
    (request.op, request.sector, request.sectors) = (op, sector, sectors);
    Ok(Work::Submit { written })
}
