// SPDX-License-Identifier: BSD-2-Clause
//! The serial line to the controller.

use molt_service::Code;
use molt_shared::Narrow;
use molt_virtio_console::{BUFFER, Console};

/// The most bytes that are received at once.
pub const CHUNK: usize = BUFFER;

/// A serial line: bytes in both directions, which may be lost or garbled. Its errors are those after which only a reset of the
/// device at this end helps.
pub trait Line {
    /// Such an error.
    type Error: Code;

    /// How many bytes can be sent.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn room(&mut self) -> Result<usize, Self::Error>;

    /// Sends bytes, as many as there is room for.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The next bytes that have come, at the start of `to`; returns how many. `None`: there are none.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn receive(&mut self, to: &mut [u8; CHUNK]) -> Result<Option<usize>, Self::Error>;

    /// Has the device look at what was sent.
    fn tell(&mut self);

    /// Asks for an interrupt when bytes come and, if `room`, when there is room for more. Returns whether either is the case already.
    fn arm(&mut self, room: bool) -> bool;

    /// Asks for no interrupts.
    fn disarm(&mut self);

    /// Reads and acknowledges the interrupt's causes.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn interrupt(&mut self) -> Result<(), Self::Error>;
}

impl<R: Narrow> Line for Console<'_, R> {
    type Error = molt_virtio::Error;

    fn room(&mut self) -> Result<usize, Self::Error> {
        Self::room(self)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        Self::send(self, bytes).map(drop)
    }

    fn receive(&mut self, to: &mut [u8; CHUNK]) -> Result<Option<usize>, Self::Error> {
        Self::receive(self, to)
    }

    fn tell(&mut self) {
        Self::tell(self);
    }

    fn arm(&mut self, room: bool) -> bool {
        Self::arm(self, room)
    }

    fn disarm(&mut self) {
        Self::disarm(self);
    }

    fn interrupt(&mut self) -> Result<(), Self::Error> {
        Self::interrupt(self)
    }
}
