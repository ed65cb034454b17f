// SPDX-License-Identifier: BSD-2-Clause
//! Frames to be sent.
//!
//! The start of each frame is copied to the ring memory, so that the device sends the addresses that the switch has seen,
//! whatever a client does to its buffer meanwhile. Of a segment (`segments`) these are all of its headers. The device reads the
//! rest of the frame in the client's buffer.

use heapless::Vec;
use molt_virtio::{Error, Piece, Queue, Region};

/// Bytes of the start: virtio's header, Ethernet's, and what follows to the end of the word.
pub const START: usize = (molt_net::HEADER + molt_switch::HEADER).next_multiple_of(8);
/// Most bytes of a start: virtio's header, and those of a segment.
pub(crate) const LONG_START: usize = (molt_net::HEADER + molt_net::HEADERS).next_multiple_of(8);
/// Descriptors: the start, and the rest.
pub(crate) const CHAIN: u16 = 2;
/// Most frames that are with the device.
pub const FRAMES: usize = molt_virtio::ENTRIES / CHAIN as usize;
/// Memory for the starts.
pub(crate) const BYTES: usize = LONG_START * FRAMES;

/// The transmit queue and the starts of the frames in it.
#[derive(Debug)]
pub(crate) struct Transmit<'a> {
    pub queue: Queue<'a>,
    starts: Region<'a>,
}

impl<'a> Transmit<'a> {
    pub fn new(queue: Queue<'a>, starts: Region<'a>) -> Self {
        Self { queue, starts }
    }

    /// Puts a frame into the ring: its start, at most [`LONG_START`] bytes, and physical address and bytes of the rest, which may be
    /// none. Returns its number; `None`: no room.
    pub fn add(&mut self, start: &[u8], rest: (u64, u32)) -> Option<usize> {
        let at = LONG_START * self.queue.next_free()?;
        molt_net::put(self.starts.words(), at as u64, start);
        let piece = |(address, len)| Piece {
            address,
            len,
            write: false,
        };
        let first = piece((self.starts.address(at), start.len().min(LONG_START) as u32));
        let mut pieces: Vec<Piece, { CHAIN as usize }> = Vec::new();
        // There is room for two.
        let _ = pieces.push(first);
        if rest.1 > 0 {
            let _ = pieces.push(piece(rest));
        }
        self.queue.add(&pieces)
    }

    /// The next frame that the device is done with.
    pub fn done(&mut self) -> Result<Option<usize>, Error> {
        Ok(self.queue.next_used()?.map(|(number, _)| number))
    }
}
