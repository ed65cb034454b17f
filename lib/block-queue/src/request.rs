// SPDX-License-Identifier: BSD-2-Clause
//! A request to a disk, and the answer.

use heapless::Vec;

/// Bytes in a sector (virtio 1.2, 5.2.4: 512 whatever the device's block size).
pub const SECTOR: u64 = 512;

/// Most segments in a request: with a header and a status 128 descriptors, so that a guest that asks for several stretches
/// one behind the other can have them as one request (504 KiB in scattered pages).
pub const SEGMENTS: usize = 126;

/// What is asked. A word, so that the rest of a request is copied in words, too, where its op is set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Op {
    /// Sectors into the segments.
    Read,
    /// The segments into sectors.
    Write,
    /// Everything that was completed before is written to the medium.
    Flush,
    /// The sectors' contents are needed no more.
    Discard,
    /// The sectors read as zeros from then on.
    WriteZeroes,
}

impl Op {
    /// Does it carry data, that is: has it segments?
    pub const fn has_data(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}

/// Offsets of segments from here on are in the client's queue region, from its first byte on. Only a write has such segments: a
/// client that has logged it (technique `stand-in`) has its data behind the queue.
pub const OWN: u64 = 1 << 63;

/// A part of the client's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// In bytes from the start of the client's memory region.
    pub offset: u64,
    /// In bytes; not 0.
    pub len: u32,
}

/// One request. Each request that a queue carries has passed [`Request::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub op: Op,
    /// The first sector, counted from the start of the client's share.
    pub sector: u64,
    /// How many sectors; 0 for a flush and for nothing else.
    pub sectors: u32,
    /// Where the data is; for reads and writes, `sectors * 512` bytes in all.
    pub segments: Vec<Segment, SEGMENTS>,
}

/// A request that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The range of sectors is empty, or not empty in a flush, or ends beyond `u64::MAX`.
    Sectors,
    /// A segment is empty or ends beyond `u64::MAX`.
    Segment,
    /// The segments are not as long as the sectors, or there are segments and no data.
    Length,
}

impl Default for Request {
    fn default() -> Self {
        Self::flush()
    }
}

impl Request {
    /// A flush.
    pub const fn flush() -> Self {
        Self {
            op: Op::Flush,
            sector: 0,
            sectors: 0,
            segments: Vec::new(),
        }
    }

    /// Checks that the request is consistent in itself. The driver checks it against the disk's and the memory's bounds.
    ///
    /// # Errors
    /// The first contradiction found.
    #[inline]
    pub fn check(&self) -> Result<(), Malformed> {
        if (self.sectors == 0) != (self.op == Op::Flush)
            || self.sector.checked_add(self.sectors.into()).is_none()
        {
            return Err(Malformed::Sectors);
        }
        let mut total = 0;
        for segment in &self.segments {
            if segment.len == 0 || segment.offset.checked_add(segment.len.into()).is_none() {
                return Err(Malformed::Segment);
            }
            // SEGMENTS * u32::MAX is far below u64::MAX.
            total += u64::from(segment.len);
        }
        let expected = if self.op.has_data() {
            u64::from(self.sectors) * SECTOR
        } else {
            0
        };
        if total == expected {
            Ok(())
        } else {
            Err(Malformed::Length)
        }
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// The device, or the bounds of the client's share or memory, did not allow it.
    IoError,
    /// The device does not do this.
    Unsupported,
}
