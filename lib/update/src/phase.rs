// SPDX-License-Identifier: BSD-2-Clause
//! The phase of the machine, and the job that it works on.

use crate::{Client, Digest, Generation, Image, Reason};

/// The phase of the machine.
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
    /// A verified image waits for the operator's approval.
    Approval,
    /// Waits for an empty arena and for `stage` to be free.
    Waiting,
    /// `stage` builds.
    Building,
    /// The holder transfers the firmware that the new generation brings to the device, and serves meanwhile.
    Transferring,
    /// The new generation stands beside the holder, which serves; clients defer the update.
    Deferred,
    /// Waits for the holder to quiesce, and for the clients to leave their regions.
    Closing {
        /// The holder has quiesced.
        quiet: bool,
        /// Clients that have not acknowledged, one bit each.
        gates: u8,
    },
    /// Waits for the device to stop.
    Stopping,
    /// Waits for the other components of the same transaction.
    AtBarrier(Barrier),
    /// A new generation has been granted the device and has to report that it is ready.
    Starting,
    /// A new image is on probation.
    Probation,
    /// The new image has passed probation, and is made to outlive the power. It serves meanwhile. Or a list of keys is.
    Keeping,
    /// Out of service, until the operator puts it back or the system starts anew.
    OutOfService(Reason),
}

/// Where the components of one transaction wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Barrier {
    /// The new generation stands beside the holder, which serves.
    Staged,
    /// No client defers the update.
    Admitted,
    /// The device has stopped.
    Stopped,
    /// The device and the regions were taken away. Nobody has them.
    Denied,
}

/// The purpose of the present phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Job {
    /// Nothing.
    None,
    /// A client's update, or the operator's return to the image that was committed before.
    Update(Candidate),
    /// A client's list of keys, which was verified.
    Keys { client: Client, sequence: u64 },
    /// Bringing the committed image back.
    Recover(Cause),
    /// Taking the component out of service.
    Retire(Cause),
}

/// The image that an update is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    /// None: the operator rolls back to it.
    pub client: Option<Client>,
    pub slot: u8,
    pub sequence: u64,
    pub digest: Digest,
    /// Its bundle has other components too.
    pub joined: bool,
    /// The operator forces it.
    pub forced: bool,
}

impl Candidate {
    pub fn image(self) -> Image {
        Image {
            slot: self.slot,
            sequence: self.sequence,
            digest: self.digest,
        }
    }
}

/// Why a recovery is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cause {
    /// The client whose transaction it ends, if any.
    pub client: Option<Client>,
    pub reason: Reason,
}

/// A generation and the arena that it is made from.
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
    /// Still working on something whose result is not wanted any more.
    Draining,
}
