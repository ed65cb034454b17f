// SPDX-License-Identifier: BSD-2-Clause
//! Frames to be sent.

use heapless::Vec;
use molt_net::{HEADER, Offload};
use molt_virtio::{Error, Piece, Queue, Region};

/// The most pieces of a frame to be sent.
pub const SEGMENTS: usize = 3;
/// One more descriptor, for the header.
pub(crate) const CHAIN: u16 = SEGMENTS as u16 + 1;
/// Room for each header.
const ROOM: usize = 16;
/// Memory for the headers.
pub(crate) const BYTES: usize = ROOM * molt_virtio::ENTRIES;

/// The transmit queue and the headers.
#[derive(Debug)]
pub(crate) struct Transmit<'a> {
    pub queue: Queue<'a>,
    headers: Region<'a>,
}

impl<'a> Transmit<'a> {
    pub fn new(queue: Queue<'a>, headers: Region<'a>) -> Self {
        Self { queue, headers }
    }

    /// Puts a frame into the ring; its number. `None`: no room, no piece, or too many of them.
    pub fn add(&mut self, offload: Offload, frame: &[(u64, u32)]) -> Option<usize> {
        let at = ROOM * self.queue.next_free()?;
        let header = offload.to_bytes(0);
        let word =
            |bytes: &[u8]| (bytes.iter().rev()).fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.headers.store(at, word(&header[..8]));
        self.headers.store(at + 8, word(&header[8..]));
        let mut pieces: Vec<Piece, { CHAIN as usize }> = Vec::new();
        let header = (self.headers.address(at), HEADER as u32);
        for &(address, len) in [header].iter().chain(frame) {
            let write = false;
            let piece = Piece {
                address,
                len,
                write,
            };
            pieces.push(piece).ok()?;
        }
        if frame.is_empty() {
            return None;
        }
        self.queue.add(&pieces)
    }

    /// The next frame that the device is done with.
    pub fn done(&mut self) -> Result<Option<usize>, Error> {
        Ok(self.queue.next_used()?.map(|(number, _)| number))
    }
}
