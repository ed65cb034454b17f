// SPDX-License-Identifier: BSD-2-Clause
//! The frames' buffers in the queue's region, and which of them the driver has.

use core::sync::atomic::AtomicU64;

use molt_net::{Client, HEADER, Offload, Op, Packet};
use molt_queue::{Token, layout};

use crate::frame::LONGEST;

/// Bytes of a buffer: small, since no frame here is long. A VMM's are larger (`molt_net::Buffers`).
const ROOM: usize = 1536;
/// Behind the queue.
const START: usize = 0x1000;
/// For each direction.
const EACH: usize = 15;
const _: () = assert!(START >= 8 * layout::words::<Packet>() && ROOM >= HEADER + LONGEST);

/// The buffers.
pub struct Buffers {
    region: &'static [AtomicU64],
    /// Bit n: buffer n for sending is free.
    free: u32,
    /// By the queue's slot: the number of its buffer.
    uses: [usize; layout::SLOTS],
    /// The receive buffers have been submitted.
    posted: bool,
}

impl Buffers {
    /// All are free.
    pub fn new(region: &'static [AtomicU64]) -> Self {
        Self {
            region,
            free: (1 << EACH) - 1,
            uses: [0; layout::SLOTS],
            posted: false,
        }
    }

    /// How many frames the driver has that are to be sent.
    pub fn sending(&self) -> usize {
        EACH - self.free.count_ones() as usize
    }

    /// Submits a frame. `None`: there is no buffer, or the queue is closed.
    pub fn send(&mut self, queue: &mut Client<'static>, frame: &[u8]) -> Option<()> {
        let number = self.free.trailing_zeros() as usize;
        if number >= EACH || !queue.is_open() {
            return None;
        }
        let mut packet = packet(Op::Send, number);
        let mut whole = [0; ROOM];
        // Nothing is left to be done on the frame.
        whole[..HEADER].copy_from_slice(&Offload::default().to_bytes(0));
        let bytes = whole.get_mut(HEADER..HEADER + frame.len())?;
        bytes.copy_from_slice(frame);
        packet.len = (HEADER + frame.len()) as u32;
        molt_net::put(self.region, packet.offset, &whole[..HEADER + frame.len()]);
        let token = queue.submit(&packet).ok()?;
        self.uses[token.slot()] = number;
        self.free &= !(1 << number);
        Some(())
    }

    /// A frame was sent, or will not be: its buffer is free.
    pub fn sent(&mut self, token: Token) {
        self.free |= 1 << self.uses[token.slot()];
    }

    /// Gives the driver all receive buffers, the first time; then the queue keeps them.
    pub fn post(&mut self, queue: &mut Client<'static>) {
        if !core::mem::replace(&mut self.posted, true) {
            for number in 0..EACH {
                self.give(queue, number);
            }
        }
    }

    /// Takes a frame of `len` bytes with its header out of the buffer of this answer, and gives that back; the frame.
    pub fn receive(
        &mut self,
        queue: &mut Client<'static>,
        token: Token,
        len: u32,
    ) -> ([u8; ROOM], core::ops::Range<usize>) {
        let number = self.uses[token.slot()];
        let mut whole = [0; ROOM];
        molt_net::get(self.region, packet(Op::Receive, number).offset, &mut whole);
        self.give(queue, number);
        (whole, HEADER..ROOM.min(len as usize).max(HEADER))
    }

    fn give(&mut self, queue: &mut Client<'static>, number: usize) {
        // There are fewer buffers than slots.
        if let Ok(token) = queue.submit(&packet(Op::Receive, number)) {
            self.uses[token.slot()] = number;
        }
    }
}

/// The whole buffer `number` of those for a direction.
fn packet(op: Op, number: usize) -> Packet {
    let first = match op {
        Op::Send => 0,
        Op::Receive => EACH,
    };
    Packet {
        op,
        offset: (START + ROOM * (first + number)) as u64,
        len: ROOM as u32,
    }
}
