// SPDX-License-Identifier: BSD-2-Clause
//! What can happen.

use crate::{Client, Digest, Generation, Reason};

/// Something that happened. Events that do not fit the machine's state are ignored, wherever they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The system is up: make the first generation. Once.
    Start,
    /// A client offers a bundle; `handle` is a fresh random number of the caller's, `allowed` the plan's word on it.
    Offer {
        /// Who.
        client: Client,
        /// Whether the plan lets this client update this component.
        allowed: bool,
        /// The handle of the offer, should it be taken.
        handle: u64,
    },
    /// A client confirms.
    Confirm {
        /// Who.
        client: Client,
        /// What it says the handle is.
        handle: u64,
    },
    /// A client takes its offer back.
    Cancel {
        /// Who.
        client: Client,
        /// What it says the handle is.
        handle: u64,
    },
    /// A client is dead, or is not believed any more: its offer is dropped, and nobody waits for its gate.
    ClientGone(Client),
    /// A client that was gone counts again.
    ClientBack(Client),
    /// `stage` copied and verified.
    Verified {
        /// The bundle's sequence number.
        sequence: u64,
        /// Digest of its image.
        digest: Digest,
    },
    /// `stage` built.
    Built,
    /// `stage` could not do what it was asked for.
    StageFailed(Reason),
    /// [`crate::Action::ClearArena`] is done.
    ArenaCleared(u8),
    /// A client acknowledged that its gate is closed.
    GateClosed(Client),
    /// A generation says that it has let go.
    Quiesced(Generation),
    /// The device was seen to be at rest after [`crate::Action::StopDevice`].
    Stopped,
    /// A generation says that it is ready.
    Ready(Generation),
    /// A generation gave the sign of life that was asked for last.
    Beat(Generation),
    /// What a generation has done since its start, and what its clients wait for.
    Health {
        /// Which one.
        generation: Generation,
        /// Requests completed.
        completions: u64,
        /// Of them, with an error of the driver's or the device's; refused requests are no errors.
        errors: u64,
        /// As many errors are expected of the medium, by what the generation before it saw.
        expected: u64,
        /// Requests that clients have under way now.
        owed: u64,
    },
    /// A generation faulted, gave up, broke the queue's protocol, or could not be granted what it needs.
    Failed {
        /// Which one.
        generation: Generation,
        /// Why.
        reason: Reason,
    },
    /// All failed images are forgiven.
    Forgive,
    /// Time has passed.
    Tick,
}
