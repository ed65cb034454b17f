// SPDX-License-Identifier: BSD-2-Clause
//! What stands behind a port of the console device: a service at the other end of a byte stream.

use crate::bus::World;

/// Most bytes of a port's name.
pub const NAME: usize = 64;

/// A service behind a port. The device offers it the guest's bytes and asks it for bytes for the guest whenever something may have
/// changed; neither call waits. Both directions are streams: how the guest has divided its bytes into buffers is not to be
/// seen.
pub trait Port {
    /// The name by which the guest finds the port (`/sys/class/virtio-ports/*/name` in Linux), at most [`NAME`] bytes. It does
    /// not change.
    fn name(&self) -> &str;

    /// Whether the guest is to take the port for a console.
    fn is_console(&self) -> bool {
        false
    }

    /// The guest has opened the port: a session begins.
    fn open(&mut self) {}

    /// The session has ended, because the guest has closed the port or reset the device. What the service has not taken is
    /// dropped, and nothing that it still has for this session may be given to the next one.
    fn close(&mut self) {}

    /// The guest has sent `bytes`, which are not empty. Returns how many of them, from the first, are taken. The rest stays in the
    /// guest's queue, and is offered again.
    fn take(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize;

    /// Puts bytes for the guest at the start of `room`, which is not empty, and returns how many; 0: there are none now. They are
    /// the guest's then.
    fn give(&mut self, room: &mut [u8]) -> usize;

    /// Bytes were given, or the session has ended.
    fn given(&mut self, _world: &mut World<'_>) {}

    /// The guest's run has ended.
    fn end(&mut self, _world: &mut World<'_>) {}

    /// The guest's machine is reset; there is no session any more.
    fn reset(&mut self, _world: &mut World<'_>) {}

    /// Whether the guest has to stand still, since what serves it is away (technique `pause`).
    fn pauses(&self) -> bool {
        false
    }

    /// Handles what comes from elsewhere. Also called while there is no session. Returns whether it may have bytes for the guest, or
    /// take what it has refused: only then the guest's queues are looked at. (It is called at each event of the guest's VMM.)
    fn poll(&mut self, _world: &mut World<'_>) -> bool {
        true
    }
}
