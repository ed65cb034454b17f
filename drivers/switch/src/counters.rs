// SPDX-License-Identifier: BSD-2-Clause
//! Counters of a port since the switch was made.

/// Why a frame is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Its source is a group address, or not the one that the port is held to.
    Source,
    /// Its destination is behind the port that it came from, or is never passed on.
    Local,
    /// Between ports that are isolated from each other.
    Isolated,
    /// There is no such port, or no other.
    NoPort,
}

/// Frames and bytes of one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came from it and went somewhere.
    pub from: u64,
    /// Their bytes.
    pub from_bytes: u64,
    /// Frames that went to it.
    pub to: u64,
    /// Their bytes.
    pub to_bytes: u64,
    /// Dropped frames from it: the source address is not allowed.
    pub bad_source: u64,
    /// Dropped frames from it: the destination is behind the same port, or the frame is never forwarded.
    pub local: u64,
    /// Dropped frames from it: only isolated ports were left as destination.
    pub isolated: u64,
    /// Frames to it for which it had no room ([`crate::Switch::no_room`]).
    pub no_room: u64,
}

impl Counters {
    pub(crate) fn dropped(&mut self, why: Dropped) {
        match why {
            Dropped::Source => self.bad_source += 1,
            Dropped::Local | Dropped::NoPort => self.local += 1,
            Dropped::Isolated => self.isolated += 1,
        }
    }
}
