// SPDX-License-Identifier: BSD-2-Clause
//! A virtio entropy device that has been started (5.4).

use molt_shared::Narrow;
use molt_virtio::registers::EVENT_INDEX;
use molt_virtio::{ENTRIES, Error, Piece, Queue, Region, Transport};

/// 5.4.1
const ENTROPY_DEVICE: u32 = 4;
/// 5.4.2
const REQUESTS: u32 = 0;

/// One virtio entropy device. The device type has no configuration and no features (5.4.3, 5.4.4).
#[derive(Debug)]
pub struct Rng<'a, R> {
    transport: Transport<R>,
    queue: Queue<'a>,
    /// By the request's number: how many bytes were requested.
    asked: [u32; ENTRIES],
}

impl<'a, R: Narrow> Rng<'a, R> {
    /// Starts the device from reset, with the queue in `ring`, whose contents do not matter. `configuration`: the configuration
    /// space of the PCI function that it is; without one it is on virtio-mmio.
    ///
    /// # Errors
    /// What is wrong with the device or the memory ([`Error`]).
    pub fn start(registers: R, configuration: Option<&R>, ring: Region<'a>) -> Result<Self, Error> {
        let mut transport =
            Transport::negotiate(registers, configuration, ENTROPY_DEVICE, |_| EVENT_INDEX)?;
        let max = transport.queue_size(REQUESTS)?;
        // Each request is one descriptor: "may use less than the entire buffer" (5.4.6.2) leaves no use for more.
        let queue = Queue::new(ring, max, 1, transport.has(EVENT_INDEX))?;
        transport.enable(REQUESTS, queue.size(), queue.addresses())?;
        transport.go()?;
        Ok(Self {
            transport,
            queue,
            asked: [0; ENTRIES],
        })
    }

    /// Whether it can take one more request.
    pub fn has_room(&self) -> bool {
        self.queue.next_free().is_some()
    }

    /// How many requests it has.
    pub fn in_flight(&self) -> usize {
        self.queue.with_device()
    }

    /// Takes a request; the device need not be notified of it before [`Self::tell`]. Returns its number among those that the
    /// device has, below [`ENTRIES`]; `None` if there is no room.
    pub fn submit(&mut self, piece: Piece) -> Option<usize> {
        let number = self.queue.add(&[piece])?;
        *self.asked.get_mut(number)? = piece.len;
        Some(number)
    }

    /// Notifies the device of what was submitted, if it asked for it.
    pub fn tell(&mut self) {
        if self.queue.publish() {
            self.transport.notify(REQUESTS);
        }
    }

    /// Asks for an interrupt when a request is done. Returns whether one is done already that [`Self::done`] has not returned.
    pub fn arm(&mut self) -> bool {
        self.queue.arm()
    }

    /// Asks for no interrupts. There may be one all the same.
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

    /// The number of the next request that is done, and how many bytes the device reports to have written: at least one
    /// (5.4.6.2), and at most as many as requested.
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
