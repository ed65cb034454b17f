// SPDX-License-Identifier: BSD-2-Clause
//! The machine, spoilt in one way each. A mutant that no rule notices would show that the rules notice nothing.

use molt_update::{Action, Actions, Event, Machine, Phase, Reason, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    None,
    /// Does not wait for the device to stop.
    NoStop,
    /// Does not take anything away.
    NoDeny,
    /// Lets a driver run that says it is quiet.
    NoSuspend,
    /// Opens the gates with the grant.
    EarlyResume,
    /// Takes any sequence number.
    AnySequence,
    /// Forgets which images failed.
    Forgetful,
    /// Never looks at the clock.
    Timeless,
    /// Takes an error as a reason to go out of service.
    Hasty,
    /// Reports each end twice.
    Chatty,
    /// Does not tell clients that a component is out of service.
    Silent,
    /// Revokes the arena of the running generation at the commit.
    WrongArena,
    /// Takes a confirm with any handle.
    AnyHandle,
    /// Takes a confirm from any client.
    AnyClient,
    /// Takes an offer of a client that may not update.
    Unasked,
    /// Forgives errors in probation.
    Lenient,
    /// Waits for the gates of clients that are gone.
    Patient,
    /// Commits before the image outlives the power.
    Volatile,
    /// Puts a list of keys in force before it outlives the power.
    VolatileKeys,
    /// Takes any list of keys for a newer one.
    AnyKeys,
    /// Takes any image for the one that the operator approves.
    AnyApproval,
    /// Does not wait for the operator's approval.
    Unapproved,
    /// Takes offers while it is frozen.
    Thawed,
    /// Reports that a component that comes back is out of service once more, and takes nothing from its clients.
    Unclaimed,
    /// Swaps without the firmware's transfer.
    Untransferred,
    /// Has the device keep a new firmware that is on probation.
    EarlyConfirm,
    /// Never tells the device to keep its firmware.
    Unconfirmed,
    /// Does not hear that clients defer updates.
    Deaf,
    /// Does not hear that a client does not defer them any more.
    Obstinate,
    /// Waits although the operator forces the update.
    Unforced,
    /// Goes on without a client that has not given its device up in time.
    Ruthless,
}

impl Mutant {
    pub const ALL: [Self; 30] = [
        Self::NoStop,
        Self::NoDeny,
        Self::NoSuspend,
        Self::EarlyResume,
        Self::AnySequence,
        Self::Forgetful,
        Self::Timeless,
        Self::Hasty,
        Self::Chatty,
        Self::Silent,
        Self::WrongArena,
        Self::AnyHandle,
        Self::AnyClient,
        Self::Unasked,
        Self::Lenient,
        Self::Patient,
        Self::Volatile,
        Self::VolatileKeys,
        Self::AnyKeys,
        Self::AnyApproval,
        Self::Unapproved,
        Self::Thawed,
        Self::Unclaimed,
        Self::Untransferred,
        Self::EarlyConfirm,
        Self::Unconfirmed,
        Self::Deaf,
        Self::Obstinate,
        Self::Unforced,
        Self::Ruthless,
    ];

    /// Whether it takes a device with firmware to notice it.
    pub fn of_firmware(self) -> bool {
        matches!(
            self,
            Self::Untransferred | Self::EarlyConfirm | Self::Unconfirmed
        )
    }

    /// Whether it takes clients that defer updates to notice it.
    pub fn of_deferrals(self) -> bool {
        matches!(
            self,
            Self::Deaf | Self::Obstinate | Self::Unforced | Self::Ruthless
        )
    }

    /// Whether it takes an operator to notice it.
    pub fn of_operator(self) -> bool {
        matches!(
            self,
            Self::AnyApproval | Self::Unapproved | Self::Thawed | Self::Unclaimed | Self::Unforced
        )
    }

    /// A step of the machine as this mutant makes it.
    pub fn step(self, machine: &mut Machine, now: u64, event: Event) -> Actions {
        let event = match (self, event) {
            (Self::AnySequence, Event::Verified { digest, .. }) => Event::Verified {
                sequence: machine.committed().sequence + 1,
                digest,
            },
            (Self::AnyKeys, Event::KeysVerified { .. }) => Event::KeysVerified {
                sequence: machine.keys() + 1,
            },
            (Self::Timeless, Event::Tick) => return Actions::new(),
            (Self::AnyHandle, Event::Confirm { client, handle }) => {
                let handle = match machine.phase() {
                    Phase::Offered { handle } => handle,
                    _ => handle,
                };
                Event::Confirm { client, handle }
            }
            (Self::AnyClient, Event::Confirm { client, handle }) => Event::Confirm {
                client: machine.client().unwrap_or(client),
                handle,
            },
            (Self::Unasked, Event::Offer { client, handle, .. }) => Event::Offer {
                client,
                allowed: true,
                handle,
            },
            (
                Self::Lenient,
                Event::Health {
                    generation,
                    completions,
                    expected,
                    owed,
                    ..
                },
            ) => Event::Health {
                generation,
                completions,
                errors: 0,
                expected,
                owed,
            },
            (Self::Patient, Event::ClientGone(_)) => return Actions::new(),
            (Self::AnyApproval, Event::Approve(digest)) => {
                Event::Approve(machine.waits().map_or(digest, |image| image.digest))
            }
            (Self::Deaf, Event::Defer { .. })
            | (Self::Obstinate, Event::Defer { until: 0, .. })
            | (Self::Unforced, Event::Force(_)) => return Actions::new(),
            (Self::Ruthless, Event::Tick) if machine.phase() == Phase::Deferred => Event::Defer {
                client: 1,
                until: 0,
            },
            (Self::Thawed, Event::Freeze(_)) => Event::Freeze(false),
            _ => event,
        };
        if self == Self::Forgetful {
            machine.step(now, Event::Forgive);
        }
        let mut out = Actions::new();
        for action in machine.step(now, event) {
            match (self, action) {
                (Self::NoStop, Action::StopDevice) => {
                    let _ = out.push(action);
                    for next in machine.step(now, Event::Stopped) {
                        let _ = out.push(next);
                    }
                }
                (
                    Self::Unapproved,
                    Action::Report {
                        status: Status::Approval,
                        ..
                    },
                ) => {
                    if let Some(image) = machine.waits() {
                        for next in machine.step(now, Event::Approve(image.digest)) {
                            let _ = out.push(next);
                        }
                    }
                }
                (Self::Unclaimed, Action::Reclaim)
                | (Self::NoDeny, Action::Deny(_))
                | (Self::NoSuspend, Action::Suspend(_))
                | (Self::Silent, Action::FailGates) => {}
                (Self::Untransferred, Action::Transfer { generation, .. }) => {
                    for next in machine.step(now, Event::Transferred(generation)) {
                        let _ = out.push(next);
                    }
                }
                (Self::EarlyConfirm, Action::OpenGates(generation)) => {
                    let _ = out.push(action);
                    let _ = out.push(Action::Confirm(generation));
                }
                (Self::Unconfirmed, Action::Confirm(_)) => {}
                (Self::EarlyResume, Action::Grant { generation, .. }) => {
                    let _ = out.push(action);
                    let _ = out.push(Action::OpenGates(generation));
                }
                (
                    Self::Hasty,
                    Action::Report {
                        client,
                        status: Status::RolledBack,
                        reason,
                    },
                ) if reason != Reason::None => {
                    let _ = out.push(Action::Report {
                        client,
                        status: Status::OutOfService,
                        reason,
                    });
                }
                (Self::Chatty, Action::Report { status, .. }) if status.is_final() => {
                    let _ = out.push(action);
                    let _ = out.push(action);
                }
                (Self::Volatile, Action::Keep { .. })
                | (Self::VolatileKeys, Action::KeepKeys { .. }) => {
                    for next in machine.step(now, Event::Kept) {
                        let _ = out.push(next);
                    }
                }
                (Self::WrongArena, Action::ClearArena(arena)) => {
                    let _ = out.push(Action::ClearArena(1 - arena));
                }
                _ => {
                    let _ = out.push(action);
                }
            }
        }
        out
    }
}
