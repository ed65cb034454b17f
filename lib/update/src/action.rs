// SPDX-License-Identifier: BSD-2-Clause
//! The actions of the machine.

use heapless::Vec;

use crate::{Client, Generation, Reason, Status};

/// Something that the caller has to do at once, in order. If the description names an event, that event answers the action
/// later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Have `stage` copy the client's bundle, or its list of keys, into the slot and verify the copy: [`crate::Event::Verified`],
    /// [`crate::Event::KeysVerified`] or [`crate::Event::StageFailed`].
    Verify {
        /// Bundle slot.
        slot: u8,
        /// The client whose staging region has the bundle.
        client: Client,
        /// The sequence number must be above this.
        committed: u64,
        /// Sequence number of the list of keys in force; 0: there is none. A list must be above it.
        keys: u64,
    },
    /// Have `stage` build: [`crate::Event::Built`] or [`crate::Event::StageFailed`].
    Build {
        /// Bundle slot.
        slot: u8,
        /// Arena, empty.
        arena: u8,
        /// The new generation's number.
        generation: Generation,
    },
    /// Have the generation transfer the firmware that was built in `arena` to the device's spare bank, while it serves:
    /// [`crate::Event::Transferred`] or [`crate::Event::TransferFailed`].
    Transfer {
        /// The one that has the device.
        generation: Generation,
        /// Where the firmware is.
        arena: u8,
    },
    /// Tell the generation that its image is the committed one: the device is to start with its firmware from now on.
    Confirm(Generation),
    /// The update waits for these clients, one bit each, which defer it, and for no others any more.
    WaitFor(u8),
    /// Do for the generation that was built in `arena` what can be done before the present one lets go.
    Prepare {
        /// Which one.
        generation: Generation,
        /// Where it stands.
        arena: u8,
    },
    /// Order the generation to quiesce: [`crate::Event::Quiesced`].
    Quiesce(Generation),
    /// Close the gates of all clients: [`crate::Event::GateClosed`] from each.
    CloseGates,
    /// Open the gates of all clients.
    OpenGates(Generation),
    /// Tell all clients that the device does not come back. Their gates are not open.
    FailGates,
    /// Stop the generation's thread for good.
    Suspend(Generation),
    /// Stop the device: [`crate::Event::Stopped`].
    StopDevice,
    /// Take regions, device and interrupt from the generation and its clients.
    Deny(Generation),
    /// Give regions, device, interrupt and ports to the generation built in `arena`, regions to the clients, and start it.
    /// If something cannot be given: [`crate::Event::Failed`].
    Grant {
        /// The generation.
        generation: Generation,
        /// The arena that it is built in.
        arena: u8,
    },
    /// Make what is in the slot, which has passed probation, outlive the power: [`crate::Event::Kept`] or
    /// [`crate::Event::KeepFailed`]. The generation serves meanwhile.
    Keep {
        /// Bundle slot.
        slot: u8,
        /// The client that offered it; without one, the operator has rolled back to it.
        client: Option<Client>,
    },
    /// Make the list of keys in the slot outlive the power: [`crate::Event::Kept`] or [`crate::Event::KeepFailed`].
    KeepKeys {
        /// Bundle slot.
        slot: u8,
        /// The client that offered it.
        client: Client,
    },
    /// Take from the clients what they were lent of a component that is out of service, and close their gates: it comes back.
    Reclaim,
    /// The image of the update that is under way failed while it had the device: it is refused from now on.
    Blame {
        /// The client that offered it.
        client: Client,
        /// Why.
        reason: Reason,
    },
    /// Delete everything that was made from the arena: [`crate::Event::ArenaCleared`].
    ClearArena(u8),
    /// Ask the generation for a heartbeat: [`crate::Event::Beat`].
    AskBeat(Generation),
    /// Report that the transaction has reached this status. Without a client it is the component's own recovery.
    Report {
        /// The client that offered.
        client: Option<Client>,
        /// The status.
        status: Status,
        /// The reason, for final statuses.
        reason: Reason,
    },
    /// The operator's command is not possible. What is under way continues.
    Decline(Reason),
    /// Tell a client that its command was rejected. What is under way continues.
    Reject {
        /// The client.
        client: Client,
        /// Why its command was rejected.
        reason: Reason,
    },
}

/// The actions of one step. The exploration shows that every step has fewer than there is room for.
pub type Actions = Vec<Action, 12>;

/// Adds an action. There is always room (see [`Actions`]).
pub(crate) fn push(out: &mut Actions, action: Action) {
    let fits = out.push(action).is_ok();
    debug_assert!(fits, "a step has more actions than there is room for");
}
