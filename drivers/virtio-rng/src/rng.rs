// SPDX-License-Identifier: BSD-2-Clause
//! The device, started (5.4).

use molt_shared::Mmio;
use molt_virtio::registers::EVENT_INDEX;
use molt_virtio::{ENTRIES, Error, Piece, Queue, Region, Transport};

/// 5.4.1
const ENTROPY_DEVICE: u32 = 4;
/// 5.4.2
const REQUESTS: u32 = 0;

/// One virtio entropy device. It has no configuration and no features of its own (5.4.3, 5.4.4).
#[derive(Debug)]
pub struct Rng<'a, R> {
    transport: Transport<R>,
    queue: Queue<'a>,
    /// By number: how many bytes were asked for.
    asked: [u32; ENTRIES],
}

impl<'a, R: Mmio> Rng<'a, R> {
    /// Starts the device from reset, with the queue in `ring`, whose contents do not matter.
    ///
    /// # Errors
    /// Whatever the device or the memory is not ([`Error`]).
    pub fn start(registers: R, ring: Region<'a>) -> Result<Self, Error> {
        let transport = Transport::negotiate(registers, ENTROPY_DEVICE, |_| EVENT_INDEX)?;
        let max = transport.queue_size(REQUESTS)?;
        // Each request is one descriptor: "may use less than the entire buffer" (5.4.6.2) leaves no use for more.
        let queue = Queue::new(ring, max, 1, transport.has(EVENT_INDEX))?;
        transport.enable(REQUESTS, &queue);
        transport.go()?;
        Ok(Self {
            transport,
            queue,
            asked: [0; ENTRIES],
        })
    }

    /// Does it take one more request?
    pub fn has_room(&self) -> bool {
        self.queue.next_free().is_some()
    }

    /// How many requests it has.
    pub fn in_flight(&self) -> usize {
        self.queue.with_device()
    }

    /// Takes a request, which the device need not be told of before [`Self::tell`]. Its number among those that it has, below
    /// [`ENTRIES`]; `None`: no room.
    pub fn submit(&mut self, piece: Piece) -> Option<usize> {
        let number = self.queue.add(&[piece])?;
        *self.asked.get_mut(number)? = piece.len;
        Some(number)
    }

    /// Tells the device of what was submitted, where it wishes to know.
    pub fn tell(&mut self) {
        if self.queue.publish() {
            self.transport.notify(REQUESTS);
        }
    }

    /// Wishes for an interrupt when a request is done; whether one is done already that [`Self::done`] has not told.
    pub fn arm(&mut self) -> bool {
        self.queue.arm()
    }

    /// Wishes for none. There may be one.
    pub fn disarm(&mut self) {
        self.queue.disarm();
    }

    /// Reads and acknowledges the interrupt's causes.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn interrupt(&mut self) -> Result<(), Error> {
        self.transport.interrupt().map(drop)
    }

    /// The next request that is done, by its number, and how many bytes the device says that it has written: at least one
    /// (5.4.6.2), and at most as many as were asked for.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn done(&mut self) -> Result<Option<(usize, u32)>, Error> {
        let Some((number, written)) = self.queue.next_used()? else {
            return Ok(None);
        };
        let asked = self.asked.get(number).copied().unwrap_or(0);
        match (1..=asked).contains(&written) {
            true => Ok(Some((number, written))),
            false => Err(Error::UsedLength(written)),
        }
    }

    /// Resets the device: it touches no memory any more.
    ///
    /// # Errors
    /// The device does not reset.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.transport.reset()
    }
}
