// SPDX-License-Identifier: BSD-2-Clause
//! Several components in one transaction: all of them run their new images in the end, or none does.
//!
//! [`Transaction`] stands above the machines of its members. It looks where each one is ([`Stand`]) and gives them events, always in
//! the order of the components:
//!
//! ```text
//! Join ──► all staged ──► all admitted ──► all stopped ──► all denied ──► all passed ──► all kept
//!  Proceed: ask clients   Proceed: close   Proceed: deny   Proceed: grant  Proceed: keep   Kept: commit
//!        └──────────────┴─── one takes no part any more ───┴───────────────┴──────────────┴──► TakeBack to the others
//! ```
//!
//! So no member's new image runs beside another's old one: nothing is granted before all are denied, and when one fails, the others
//! are suspended in the same step. Between two barriers the members work at the same time, so their clients wait for the slowest one, not for
//! all one after the other.

use crate::offer::reject;
use crate::phase::{Barrier, Candidate, Cause, Job, Phase};
use crate::{Actions, Client, Event, Machine, Micros, Reason, Status};

/// Where a machine is in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stand {
    /// It takes no part: not yet, or not any more.
    Away,
    /// It works.
    Busy,
    /// It waits at this barrier.
    At(Barrier),
    /// Its new image has passed probation.
    Passed,
    /// Its new image waits to be committed.
    Keeping,
}

/// What the members are given next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Join,
    Ask,
    Close,
    Deny,
    Grant,
    Keep,
    Commit,
    TakeBack,
}

/// The machine of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    client: Client,
    /// Bit n: component n takes part.
    members: u8,
    /// The members that were given the event of `step` have their bit here no more.
    due: u8,
    step: Step,
    /// Nothing is missing for the commit but that all members wait for it.
    kept: bool,
}

impl Transaction {
    /// A transaction of the components whose bits are set in `members`, for a bundle that the client has confirmed. `first`: the one that
    /// it was offered for; its machine was given [`Event::Join`]. With a `store` the commit waits for [`Self::kept`].
    #[must_use]
    pub const fn new(client: Client, first: u8, members: u8, store: bool) -> Self {
        Self {
            client,
            members,
            due: members & !(1 << first),
            step: Step::Join,
            kept: !store,
        }
    }

    /// The components that take part, one bit each.
    #[must_use]
    pub const fn members(&self) -> u8 {
        self.members
    }

    /// The client whose bundle it is.
    #[must_use]
    pub const fn client(&self) -> Client {
        self.client
    }

    /// The images of all members outlive the power.
    pub const fn kept(&mut self) {
        self.kept = true;
    }

    /// Whether it has come to its end: nothing is left to be given.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.step, Step::Commit | Step::TakeBack) && self.due == 0
    }

    /// The next event to be given, and the component that it is for; `None`: the members work. To be asked after each event of a member,
    /// until it returns `None`. `stand`: where a component's machine is.
    pub fn next(&mut self, stand: impl Fn(u8) -> Stand) -> Option<(u8, Event)> {
        let members = |set: u8| (0..8).filter(move |n| set & 1 << n != 0);
        let all = |at: Stand| members(self.members).all(|n| stand(n) == at);
        // Those that have joined. At the commit each one leaves in turn.
        let taking_part = match self.step {
            Step::Join => self.members & !self.due,
            Step::Commit | Step::TakeBack => 0,
            _ => self.members,
        };
        if members(taking_part).any(|n| stand(n) == Stand::Away) {
            self.step = Step::TakeBack;
            self.due = members(self.members)
                .filter(|n| stand(*n) != Stand::Away)
                .fold(0, |set, n| set | 1 << n);
        } else if self.due == 0 {
            let next = match self.step {
                Step::Join if all(Stand::At(Barrier::Staged)) => Step::Ask,
                Step::Ask if all(Stand::At(Barrier::Admitted)) => Step::Close,
                Step::Close if all(Stand::At(Barrier::Stopped)) => Step::Deny,
                Step::Deny if all(Stand::At(Barrier::Denied)) => Step::Grant,
                Step::Grant if all(Stand::Passed) => Step::Keep,
                Step::Keep if self.kept && all(Stand::Keeping) => Step::Commit,
                _ => return None,
            };
            (self.step, self.due) = (next, self.members);
        }
        let member = members(self.due).next()?;
        self.due &= !(1 << member);
        let event = match self.step {
            Step::Join => Event::Join(self.client),
            Step::Ask | Step::Close | Step::Deny | Step::Grant | Step::Keep => Event::Proceed,
            Step::Commit => Event::Kept,
            Step::TakeBack => Event::TakeBack,
        };
        Some((member, event))
    }
}

impl Machine {
    /// Where it is in a transaction of several components.
    #[must_use]
    pub fn stand(&self) -> Stand {
        match self.phase {
            _ if !self.joined() => Stand::Away,
            Phase::AtBarrier(barrier) => Stand::At(barrier),
            Phase::Probation if self.watch.is_some_and(|watch| watch.passed()) => Stand::Passed,
            Phase::Keeping => Stand::Keeping,
            _ => Stand::Busy,
        }
    }

    /// Whether its update is a part of a transaction of several components.
    pub(crate) fn joined(&self) -> bool {
        matches!(self.job, Job::Update(Candidate { joined: true, .. }))
    }

    pub(crate) fn join(&mut self, now: Micros, client: Client, out: &mut Actions) {
        match (self.phase, &mut self.job) {
            // It was offered for this component, whose copy shows that there are others.
            (Phase::Verifying, Job::Update(candidate)) if candidate.client == Some(client) => {
                candidate.joined = true;
            }
            _ => match self.accept(client, true) {
                Ok(candidate) => {
                    self.job = Job::Update(Candidate {
                        joined: true,
                        ..candidate
                    });
                    self.report(Status::Offered, Reason::None, out);
                    self.verify(now, client, candidate.slot, out);
                }
                Err(reason) => reject(client, reason, out),
            },
        }
    }

    /// The new generation stands beside the holder, and the device has the firmware that it brings.
    pub(crate) fn staged(&mut self, now: Micros, out: &mut Actions) {
        if !self.waits_at(Barrier::Staged) {
            self.ask_clients(now, out);
        }
    }

    /// Waits at the barrier if it has to. It has no deadline there: each member that is waited for has one.
    pub(crate) fn waits_at(&mut self, barrier: Barrier) -> bool {
        if self.joined() {
            self.phase = Phase::AtBarrier(barrier);
            self.deadline = None;
        }
        self.joined()
    }

    pub(crate) fn proceed(&mut self, now: Micros, out: &mut Actions) {
        match self.stand() {
            Stand::At(Barrier::Staged) => self.ask_clients(now, out),
            Stand::At(Barrier::Admitted) => self.close_in_order(now, out),
            Stand::At(Barrier::Stopped) => self.deny(now, out),
            Stand::At(Barrier::Denied) => self.grant(now, out),
            Stand::Passed => self.keep(now, out),
            Stand::Away | Stand::Busy | Stand::Keeping => {}
        }
    }

    /// The image is not to blame, so it may be offered again.
    pub(crate) fn take_back(&mut self, now: Micros, out: &mut Actions) {
        if !self.joined() {
            return;
        }
        let reason = Reason::OtherComponent;
        match self.phase {
            Phase::Starting | Phase::Probation | Phase::Keeping => {
                self.starts = 0;
                self.give_up(now, reason, out);
            }
            Phase::Closing { .. }
            | Phase::Stopping
            | Phase::AtBarrier(Barrier::Stopped | Barrier::Denied) => {
                let client = self.client();
                self.drop_next(out);
                self.starts = 0;
                self.job = Job::Recover(Cause { client, reason });
                match self.phase {
                    Phase::AtBarrier(Barrier::Stopped) => self.deny(now, out),
                    Phase::AtBarrier(_) => {
                        self.clear_old(out);
                        self.wait_to_build(now, out);
                    }
                    // The device stops first.
                    _ => {}
                }
            }
            _ => self.refuse(reason, out),
        }
    }
}
