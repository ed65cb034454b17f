// SPDX-License-Identifier: BSD-2-Clause
//! Receive buffers.

use heapless::Vec;
use molt_net::{HEADER, Offload};
use molt_virtio::{Error, Piece, Queue, Region};

use crate::frame::Frame;

/// Bytes of a receive buffer: an Ethernet frame with a VLAN tag and the header fit into one.
pub const BUFFER: usize = 2048;
/// The most buffers.
pub(crate) const BUFFERS: usize = molt_virtio::ENTRIES;
/// Memory for them.
pub(crate) const BYTES: usize = BUFFER * BUFFERS;
/// Most buffers of one frame: 64 KiB of TCP with its headers.
pub(crate) const MERGED: usize = 65_600 / BUFFER + 2;

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
            // All buffers but the last one are full (5.1.6.4), or at least end at a word.
            let last = frame.buffers.last().map_or(0, |(_, len)| *len);
            if !last.is_multiple_of(8) {
                return Err(Error::UsedLength(last.into()));
            }
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
