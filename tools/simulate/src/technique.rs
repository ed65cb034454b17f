// SPDX-License-Identifier: BSD-2-Clause
//! The technique of denial that a run shows: with any but `hold`, the client [`crate::plan::GUEST`] is a real VMM with a guest.

/// What becomes of the guest of [`crate::plan::GUEST`] while the driver is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// Its requests wait. All clients are plain users of the queue.
    Hold,
    /// Cache and log serve it.
    StandIn,
    /// It stands still.
    Pause,
    /// Cache and log serve it, and it stands still once something waits.
    StandInPause,
    /// It gives its disk up before each update; if it does not, its requests wait.
    Unplug,
}

impl Technique {
    /// That of a seed.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        match (seed >> 1) % 8 {
            1 => Self::Unplug,
            3 => Self::StandIn,
            5 => Self::Pause,
            6 => Self::StandInPause,
            _ => Self::Hold,
        }
    }

    /// Whether there is a stand-in.
    #[must_use]
    pub const fn stands_in(self) -> bool {
        matches!(self, Self::StandIn | Self::StandInPause)
    }

    /// Whether the guest stands still.
    #[must_use]
    pub const fn pauses(self) -> bool {
        matches!(self, Self::Pause | Self::StandInPause)
    }
}
