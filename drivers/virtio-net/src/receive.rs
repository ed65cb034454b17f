// SPDX-License-Identifier: BSD-2-Clause
//! Receive buffers, and the frames in them.

use heapless::Vec;
use molt_net::{HEADER, Offload};
use molt_virtio::{Error, Piece, Queue, Region};

/// Bytes of a receive buffer: an Ethernet frame with a VLAN tag and the header fit into one.
pub const BUFFER: usize = 2048;
/// The most buffers.
pub(crate) const BUFFERS: usize = molt_virtio::ENTRIES;
/// Memory for them.
pub(crate) const BYTES: usize = BUFFER * BUFFERS;
/// Most buffers of one frame: 64 KiB of TCP with its headers.
const MERGED: usize = 65_600 / BUFFER + 2;

/// A frame that was received. It is in the ring memory until it is given back.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The device's information about its checksum and segments.
    pub offload: Offload,
    /// Number and bytes used of each buffer.
    buffers: Vec<(u8, u16), MERGED>,
    memory: Region<'a>,
}

impl<'a> Frame<'a> {
    /// In bytes, without the header.
    pub fn len(&self) -> usize {
        let all: usize = self.buffers.iter().map(|(_, len)| usize::from(*len)).sum();
        all.saturating_sub(HEADER)
    }

    /// Whether there is nothing but a header.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies the frame to `out`, and returns how many bytes it has. The device may write this memory only until the frame was
    /// taken: a device that writes later damages only the frame.
    pub fn copy_to(&self, mut out: impl FnMut(usize, u64, usize)) -> usize {
        let mut at = 0;
        let mut skip = HEADER;
        for (number, len) in &self.buffers {
            let start = BUFFER * usize::from(*number);
            let (mut from, end) = (start + skip, start + usize::from(*len));
            skip = 0;
            while from < end {
                // To the end of the word, or of what is used.
                let bytes = (8 - from % 8).min(end - from);
                out(at, self.memory.load(from) >> (from % 8 * 8), bytes);
                (at, from) = (at + bytes, from + bytes);
            }
        }
        at
    }

    /// The first bytes of the frame.
    pub fn start<const N: usize>(&self) -> Option<[u8; N]> {
        let mut start = [0; N];
        let length = self.copy_to(|at, word, bytes| {
            let word = word.to_le_bytes();
            let (Some(to), Some(from)) = (start.get_mut(at..), word.get(..bytes)) else {
                return;
            };
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        });
        (length >= N).then_some(start)
    }
}

/// The receive queue and its buffers.
#[derive(Debug)]
pub(crate) struct Receive<'a> {
    pub queue: Queue<'a>,
    memory: Region<'a>,
}

impl<'a> Receive<'a> {
    /// All buffers are with the device, which has not been notified yet.
    pub fn new(queue: Queue<'a>, memory: Region<'a>) -> Self {
        let mut this = Self { queue, memory };
        for number in 0..this.queue.chains() {
            this.give(number);
        }
        this
    }

    /// Gives the device a buffer that it has not.
    fn give(&mut self, number: usize) {
        let piece = Piece {
            address: self.memory.address(BUFFER * number),
            len: BUFFER as u32,
            write: true,
        };
        self.queue.add_at(number, &[piece]);
    }

    /// The next frame.
    pub fn take(&mut self) -> Result<Option<Frame<'a>>, Error> {
        let Some((first, len)) = self.used()? else {
            return Ok(None);
        };
        if usize::from(len) < HEADER {
            return Err(Error::UsedLength(len.into()));
        }
        let at = BUFFER * usize::from(first);
        let mut header = [0; HEADER];
        molt_net::get(self.memory.words(), at as u64, &mut header);
        let (offload, count) = Offload::from_bytes(header);
        let mut frame = Frame {
            offload,
            buffers: Vec::new(),
            memory: self.memory,
        };
        let _ = frame.buffers.push((first, len));
        // Without merged buffers the device writes 1 (5.1.6.4.1). All of a frame's are used at once (5.1.6.4).
        for _ in 1..count.max(1) {
            let next = self.used()?.ok_or(Error::UsedLength(count.into()))?;
            let pushed = frame.buffers.push(next);
            pushed.map_err(|_| Error::UsedLength(count.into()))?;
        }
        Ok(Some(frame))
    }

    fn used(&mut self) -> Result<Option<(u8, u16)>, Error> {
        let Some((number, written)) = self.queue.next_used()? else {
            return Ok(None);
        };
        if written as usize > BUFFER {
            return Err(Error::UsedLength(written));
        }
        Ok(Some((number as u8, written as u16)))
    }

    /// Gives the frame's buffers back to the device, which has to be notified.
    pub fn give_back(&mut self, frame: Frame<'a>) {
        for (number, _) in &frame.buffers {
            self.give(usize::from(*number));
        }
    }
}
