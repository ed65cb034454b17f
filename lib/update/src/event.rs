// SPDX-License-Identifier: BSD-2-Clause
//! The events that the machine takes.

use crate::{Client, Digest, Generation, Micros, Reason};

/// Something that happened. Events that do not fit the machine's state are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The system has started: make the first generation. This event comes once.
    Start,
    /// A client offers a bundle, or a list of keys. Which of the two is known when it is verified.
    Offer {
        /// The client that offers.
        client: Client,
        /// Whether the plan lets this client update this component.
        allowed: bool,
        /// A fresh random number of the caller's: the handle, if the offer is accepted.
        handle: u64,
    },
    /// A client confirms.
    Confirm {
        /// The client that confirms.
        client: Client,
        /// The handle that it names.
        handle: u64,
    },
    /// A client takes its offer back.
    Cancel {
        /// The client that cancels.
        client: Client,
        /// The handle that it names.
        handle: u64,
    },
    /// A client is dead or fenced: its offer is dropped, and its gate is not waited for.
    ClientGone(Client),
    /// A client that was gone is back.
    ClientBack(Client),
    /// A client says that it defers updates until then; 0, or a time that has passed: it does not, or not any more.
    Defer {
        /// The client.
        client: Client,
        /// Until when.
        until: Micros,
    },
    /// The client's bundle has more components than one (module `transaction`): from now on the machine waits at each barrier for
    /// [`Event::Proceed`]. A machine that is idle begins with the bundle, which is confirmed already.
    Join(Client),
    /// All members of the transaction have come to the barrier at which this machine waits.
    Proceed,
    /// Another member of the transaction has failed: what this machine has done for it is taken back.
    TakeBack,
    /// `stage` copied and verified.
    Verified {
        /// The bundle's sequence number.
        sequence: u64,
        /// Digest of its image.
        digest: Digest,
    },
    /// `stage` copied and verified, and it is a list of keys.
    KeysVerified {
        /// The list's sequence number.
        sequence: u64,
    },
    /// `stage` built.
    Built,
    /// `stage` could not carry out its command.
    StageFailed(Reason),
    /// [`crate::Action::ClearArena`] is done.
    ArenaCleared(u8),
    /// [`crate::Action::Keep`] or [`crate::Action::KeepKeys`] is done: the image is what starts when the power comes back, and the list
    /// is what is in force then.
    Kept,
    /// It cannot be done, or not be known to be done.
    KeepFailed(Reason),
    /// The generation has transferred the firmware to the device: [`crate::Action::Transfer`] is done.
    Transferred(Generation),
    /// It could not.
    TransferFailed(Generation),
    /// A client acknowledged that its gate is closed.
    GateClosed(Client),
    /// A generation reports that it has quiesced.
    Quiesced(Generation),
    /// The device was seen to be at rest after [`crate::Action::StopDevice`].
    Stopped,
    /// A generation reports that it is ready.
    Ready(Generation),
    /// A generation answered the heartbeat that was asked for last.
    Beat(Generation),
    /// What a generation has done since its start, and what its clients wait for.
    Health {
        /// Which one.
        generation: Generation,
        /// Requests completed.
        completions: u64,
        /// Requests completed with an error of the driver or the device; refused requests are not errors.
        errors: u64,
        /// Errors that are expected of the medium, judged by the generation before.
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
    /// Forget all failed images.
    Forgive,
    /// Forget this failed image.
    ForgiveImage(Digest),
    /// The operator approves the image that waits for it, if it is this one.
    Approve(Digest),
    /// The operator forces the update that is about this image: no client is waited for that defers it.
    Force(Digest),
    /// The operator refuses the image that waits for approval, if it is this one.
    Disapprove(Digest),
    /// The operator freezes the component, or ends that: while it is frozen no update is accepted.
    Freeze(bool),
    /// The operator wants the image that was committed before.
    RollBack,
    /// The operator puts a component that is out of service back into service.
    Readmit,
    /// Time has passed.
    Tick,
}
