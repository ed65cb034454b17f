// SPDX-License-Identifier: BSD-2-Clause
//! A virtio console that has been started (5.3).

use molt_shared::Narrow;
use molt_virtio::registers::EVENT_INDEX;
use molt_virtio::{Error, Piece, QUEUE_BYTES, Queue, Region, Transport};

/// 5.3.1
const CONSOLE_DEVICE: u32 = 3;
/// 5.3.2: port 0.
const RECEIVE: u32 = 0;
const TRANSMIT: u32 = 1;

/// Bytes of a buffer.
pub const BUFFER: usize = 256;
/// Buffers of a queue.
const BUFFERS: usize = 16;
/// How much ring memory the driver needs, in bytes.
pub const RING_BYTES: usize = 2 * (QUEUE_BYTES + BUFFER * BUFFERS);

/// A queue and its buffers, one for each chain.
#[derive(Debug)]
struct Half<'a> {
    queue: Queue<'a>,
    buffers: Region<'a>,
}

impl Half<'_> {
    /// The first `len` bytes of buffer `n`, for the device to write or to read.
    fn piece(&self, n: usize, len: usize, write: bool) -> Piece {
        Piece {
            address: self.buffers.address(BUFFER * n),
            len: len as u32,
            write,
        }
    }
}

/// One virtio console with one port.
#[derive(Debug)]
pub struct Console<'a, R> {
    transport: Transport<R>,
    receive: Half<'a>,
    transmit: Half<'a>,
}

impl<'a, R: Narrow> Console<'a, R> {
    /// Starts the device from reset, with queues and buffers in `ring` ([`RING_BYTES`]), whose contents do not matter.
    /// `configuration`: the configuration space of the PCI function that it is; without one it is on virtio-mmio.
    ///
    /// # Errors
    /// What is wrong with the device or the memory ([`Error`]).
    pub fn start(registers: R, configuration: Option<&R>, ring: Region<'a>) -> Result<Self, Error> {
        let mut transport =
            Transport::negotiate(registers, configuration, CONSOLE_DEVICE, |_| EVENT_INDEX)?;
        let mut rest = ring;
        let mut part = |bytes| {
            let (part, behind) = rest.split(bytes).ok_or(Error::Memory)?;
            rest = behind;
            Ok(part)
        };
        let mut half = |n| {
            let max = transport.queue_size(n)?.min(BUFFERS as u32);
            let queue = Queue::new(part(QUEUE_BYTES)?, max, 1, transport.has(EVENT_INDEX))?;
            let buffers = part(BUFFER * BUFFERS)?;
            Ok(Half { queue, buffers })
        };
        let (receive, transmit) = (half(RECEIVE)?, half(TRANSMIT)?);
        for (n, half) in [(RECEIVE, &receive), (TRANSMIT, &transmit)] {
            transport.enable(n, half.queue.size(), half.queue.addresses())?;
        }
        transport.go()?;
        let mut this = Self {
            transport,
            receive,
            transmit,
        };
        for n in 0..this.receive.queue.chains() {
            this.give(n);
        }
        // Buffers that were sent are taken back only when there is something to send.
        this.transmit.queue.disarm();
        this.receive.queue.arm();
        this.tell();
        Ok(this)
    }

    /// How many bytes one call of [`Self::send`] takes.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn room(&mut self) -> Result<usize, Error> {
        while self.transmit.queue.next_used()?.is_some() {}
        let queue = &self.transmit.queue;
        Ok(BUFFER * (queue.chains() - queue.with_device()))
    }

    /// Takes as many of the bytes as there is room for; returns how many. The device need not see them before [`Self::tell`].
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        while self.transmit.queue.next_used()?.is_some() {}
        let mut taken = 0;
        for chunk in bytes.chunks(BUFFER) {
            let Some(n) = self.transmit.queue.next_free() else {
                break;
            };
            self.transmit.buffers.put(BUFFER * n, chunk);
            let piece = self.transmit.piece(n, chunk.len(), false);
            self.transmit.queue.add_at(n, &[piece]);
            taken += chunk.len();
        }
        Ok(taken)
    }

    /// The bytes of the next buffer that the device has filled, at the start of `to`; returns how many, which may be none.
    /// `None`: there is no such buffer.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn receive(&mut self, to: &mut [u8; BUFFER]) -> Result<Option<usize>, Error> {
        let Some((n, written)) = self.receive.queue.next_used()? else {
            return Ok(None);
        };
        let len = written as usize;
        let to = to.get_mut(..len).ok_or(Error::UsedLength(written))?;
        self.receive.buffers.get(BUFFER * n, to);
        self.give(n);
        Ok(Some(len))
    }

    /// Gives the device a receive buffer that it has not.
    fn give(&mut self, n: usize) {
        let piece = self.receive.piece(n, BUFFER, true);
        self.receive.queue.add_at(n, &[piece]);
    }

    /// Notifies the device of what was put into its rings, if it asked for it.
    pub fn tell(&mut self) {
        for (n, half) in [(RECEIVE, &mut self.receive), (TRANSMIT, &mut self.transmit)] {
            if half.queue.publish() {
                self.transport.notify(n);
            }
        }
    }

    /// Asks for an interrupt when bytes are received and, if `room`, when a buffer was sent. Returns whether either has happened
    /// already. For use before waiting.
    pub fn arm(&mut self, room: bool) -> bool {
        let received = self.receive.queue.arm();
        let sent = room && self.transmit.queue.arm();
        received || sent
    }

    /// Asks for no interrupts. There may be one all the same.
    pub fn disarm(&mut self) {
        self.receive.queue.disarm();
        self.transmit.queue.disarm();
    }

    /// Reads and acknowledges the interrupt's causes.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn interrupt(&mut self) -> Result<(), Error> {
        // The configuration is a size in characters, which was not negotiated (5.3.4).
        self.transport.interrupt().map(drop)
    }

    /// Resets the device: it touches no memory any more.
    ///
    /// # Errors
    /// The device does not reset.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.transport.reset()
    }
}
