// SPDX-License-Identifier: BSD-2-Clause
//! Where the machine stands, and what for.

use crate::{Client, Digest, Generation, Reason};

/// Where the machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not started.
    Off,
    /// The committed image runs; nothing is under way.
    Idle,
    /// An offer waits to be confirmed.
    Offered {
        /// Its handle.
        handle: u64,
    },
    /// `stage` copies and verifies.
    Verifying,
    /// Waits for an empty arena and for `stage` to be free.
    Waiting,
    /// `stage` builds.
    Building,
    /// The generation that holds the device comes to rest, and the clients leave their regions.
    Closing {
        /// It has.
        quiet: bool,
        /// Clients that have not.
        gates: u8,
    },
    /// The device comes to rest.
    Stopping,
    /// A new generation holds the device and is to say that it is ready.
    Starting,
    /// A new image is watched.
    Probation,
    /// The end, until the system starts anew.
    OutOfService(Reason),
}

/// What the machine is doing all this for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Job {
    /// Nothing.
    None,
    /// A client's update.
    Update(Candidate),
    /// Bringing the committed image back.
    Recover(Cause),
    /// Taking the component out of service.
    Retire(Cause),
}

/// The image that an update is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    pub client: Client,
    pub slot: u8,
    pub sequence: u64,
    pub digest: Digest,
}

/// Why a recovery is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cause {
    /// Whose transaction it ends, if any.
    pub client: Option<Client>,
    pub reason: Reason,
}

/// A generation and the arena it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    pub generation: Generation,
    pub arena: u8,
}

/// What an arena is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Arena {
    Empty,
    Used,
    Clearing,
}

/// What `stage` is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Free,
    Working,
    /// Still at something that nobody wants any more.
    Draining,
}
