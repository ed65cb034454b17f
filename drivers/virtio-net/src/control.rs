// SPDX-License-Identifier: BSD-2-Clause
//! The control queue (5.1.6.5): commands that are answered at once, one after the other.

use molt_shared::Narrow;
use molt_virtio::{Error, Piece, Queue, Region, Transport};

/// Which queue it is, with one pair of the others (5.1.2).
pub(crate) const QUEUE: u32 = 2;
/// Command, data, answer.
pub(crate) const CHAIN: u16 = 3;
/// Memory for them.
pub(crate) const BYTES: usize = 64;
const DATA: usize = 16;
const ANSWER: usize = 32;
/// The content of the answer until the device has written it: a value that the specification does not have.
const NO_ANSWER: u64 = 0xff;
/// How often the used ring is read while waiting for the answer.
const TRIES: usize = 1_000_000;

/// A command's class and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Command(u8, u8);

impl Command {
    /// 5.1.6.5.1: all frames, whatever their destination; data: 1 or 0.
    pub const PROMISCUOUS: Self = Self(0, 0);
}

/// The control queue and its memory.
#[derive(Debug)]
pub(crate) struct Control<'a> {
    pub queue: Queue<'a>,
    memory: Region<'a>,
}

impl<'a> Control<'a> {
    pub fn new(queue: Queue<'a>, memory: Region<'a>) -> Self {
        Self { queue, memory }
    }

    /// Runs one command with one to eight bytes of data.
    pub fn run<R: Narrow>(
        &mut self,
        transport: &Transport<R>,
        command: Command,
        data: &[u8],
    ) -> Result<(), Error> {
        let memory = self.memory;
        memory.store(0, u64::from(command.0) | u64::from(command.1) << 8);
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(data) {
            *to = *from;
        }
        memory.store(DATA, u64::from_le_bytes(word));
        memory.store(ANSWER, NO_ANSWER);
        let piece = |offset, len, write| Piece {
            address: memory.address(offset),
            len,
            write,
        };
        let pieces = [
            piece(0, 2, false),
            piece(DATA, data.len().min(8) as u32, false),
            piece(ANSWER, 1, true),
        ];
        self.queue.add(&pieces).ok_or(Error::Queue)?;
        if self.queue.publish() {
            transport.notify(QUEUE);
        }
        for _ in 0..TRIES {
            if self.queue.next_used()?.is_some() {
                return match memory.load(ANSWER) as u8 {
                    0 => Ok(()),
                    answer => Err(Error::Control(answer)),
                };
            }
            core::hint::spin_loop();
        }
        Err(Error::Control(NO_ANSWER as u8))
    }
}
