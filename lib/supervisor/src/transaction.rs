// SPDX-License-Identifier: BSD-2-Clause
//! A bundle with several components: each has its own copy of it, and all machines go on together (`molt_update::Transaction`).
//!
//! The guest offers it for one of them, which is called the first here. When `stage` has verified the first one's copy, it has found
//! which others there are. The guest must be allowed to update each of them. Each component's copy is made and verified by itself, with the component's
//! own keys; all copies must have the same manifest. One such transaction is under way at a time.

use molt_control::stage::Results;
use molt_control::store::Command;
use molt_doorbell::{Reason, Status};
use molt_trace::Event as Trace;
use molt_update::{Event, Phase, Stand, Transaction};

use crate::store::Task;
use crate::unit::Unit;
use crate::{Kernel, Supervisor};

/// The transaction under way.
pub struct Joined {
    machine: Transaction,
    first: usize,
    /// SHA-256 of the manifest, which all copies must have.
    manifest: [u64; 4],
    /// How it has ended for the first one. Its client is told when it has ended for all.
    end: Option<(Status, Reason)>,
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// `stage` has verified a component's copy of a bundle.
    pub(crate) fn verified(&mut self, index: usize, results: &Results) {
        let (sequence, digest) = (results.sequence, results.digest);
        let event = Event::Verified { sequence, digest };
        if let Some(joined) = self.transaction.as_ref().filter(|_| self.is_joined(index)) {
            // The guest could have exchanged it between two copies.
            let same = joined.manifest == results.manifest
                && joined.machine.members() == results.components;
            let other = Event::StageFailed(Reason::ManifestDigest);
            return self.give(index, if same { event } else { other });
        }
        let client = self.units.get(index).and_then(|u| u.machine.client());
        match client {
            Some(client) if results.components & !(1 << index) != 0 => {
                match self.refuses_together(index, client, results.components) {
                    Reason::None => self.join(index, client, results, event),
                    reason => self.give(index, Event::StageFailed(reason)),
                }
            }
            _ => self.give(index, event),
        }
    }

    /// Why the client's bundle cannot be taken for all these components; [`Reason::None`] if it can be.
    fn refuses_together(&mut self, first: usize, client: u8, components: u8) -> Reason {
        let length = self.units.get(first).map_or(0, |unit| unit.offer.length);
        let client = usize::from(client);
        let others = (0..self.units.len()).filter(|n| *n != first && components & 1 << n != 0);
        if self.transaction.is_some() {
            return Reason::Busy;
        }
        for other in others {
            let allowed = self
                .clients
                .get(client)
                .is_some_and(|c| c.may_update(other));
            if !allowed {
                return Reason::NotAllowed;
            }
            for reason in [
                self.limits(client, other, length),
                self.store_refuses(other),
            ] {
                if reason != Reason::None {
                    return reason;
                }
            }
        }
        Reason::None
    }

    fn join(&mut self, first: usize, client: u8, results: &Results, verified: Event) {
        self.give_one(first, Event::Join(client));
        self.give_one(first, verified);
        let store = self.store.is_some();
        self.transaction = Some(Joined {
            machine: Transaction::new(client, first as u8, results.components, store),
            first,
            manifest: results.manifest,
            end: None,
        });
        self.drive();
    }

    /// Whether a component's update is a part of the transaction.
    pub(crate) fn is_joined(&self, index: usize) -> bool {
        self.stand(index) != Stand::Away
    }

    /// The component that the update of this one was offered for.
    pub(crate) fn first_of(&self, index: usize) -> usize {
        let joined = self.transaction.as_ref().filter(|_| self.is_joined(index));
        joined.map_or(index, |joined| joined.first)
    }

    fn stand(&self, index: usize) -> Stand {
        let unit = self.units.get(index);
        unit.map_or(Stand::Away, |unit| unit.machine.stand())
    }

    /// Gives the members what the transaction wants.
    pub(crate) fn drive(&mut self) {
        while let Some(joined) = &mut self.transaction {
            let (units, first) = (&self.units, joined.first);
            let stand = |n: u8| {
                units
                    .get(usize::from(n))
                    .map_or(Stand::Away, |u| u.machine.stand())
            };
            let Some((member, event)) = joined.machine.next(stand) else {
                return self.end_together();
            };
            let member = usize::from(member);
            if let Event::Join(_) = event {
                self.begin(member, first);
            }
            self.give_one(member, event);
        }
    }

    /// The transaction is at its end when no member works for it any more: then the client is told.
    fn end_together(&mut self) {
        let over = |joined: &&mut Joined| joined.machine.is_over();
        let Some(joined) = self.transaction.as_mut().filter(over) else {
            return;
        };
        let (first, members, end) = (joined.first, joined.machine.members(), joined.end);
        let works = |(n, unit): (usize, &Unit<'_>)| {
            let joined = n == first || unit.offer.follows;
            members & 1 << n != 0 && joined && unit.machine.client().is_some()
        };
        if self.units.iter().enumerate().any(works) {
            return;
        }
        let client = joined.machine.client();
        self.transaction = None;
        if let Some((status, reason)) = end {
            self.tell(first, client.into(), status, reason);
        }
    }

    /// A machine has reported a final status. Returns whether its client is told later.
    pub(crate) fn ends_later(&mut self, index: usize, status: Status, reason: Reason) -> bool {
        let joined = self.transaction.as_mut();
        // What its component ends later on, while another one is still brought back, is not this transaction's.
        let joined = joined
            .filter(|joined| joined.first == index && joined.end.is_none() && status.is_final());
        joined.is_some_and(|joined| {
            joined.end = Some((status, reason));
            true
        })
    }

    /// Why a component takes no offer although its own machine would: the transaction that it was a part of is not over for all.
    pub(crate) fn waits_for_others(&self, index: usize) -> Reason {
        let joined = self.transaction.as_ref();
        match joined.is_some_and(|joined| joined.machine.members() & 1 << index != 0) {
            true => Reason::Busy,
            false => Reason::None,
        }
    }

    /// A component is about to join the transaction.
    fn begin(&mut self, member: usize, first: usize) {
        self.trace(Trace::Joined {
            component: self.name(member),
            first: self.name(first),
        });
        let length = self.units.get(first).map_or(0, |unit| unit.offer.length);
        if let Some(unit) = self.units.get_mut(member)
            && unit.machine.phase() == Phase::Idle
        {
            unit.offer.joined(length);
        }
    }

    /// A member's image is to be kept. When all members' are, `flash` is told: one record commits all of them.
    pub(crate) fn keep_together(&mut self, index: usize) {
        let Some(joined) = &self.transaction else {
            return;
        };
        let (first, members) = (joined.first, joined.machine.members());
        let mut others = (0..self.units.len()).filter(|n| *n != first && members & 1 << n != 0);
        let mut all = others.clone().chain([first]);
        if !all.all(|n| self.stand(n) == Stand::Keeping) {
            return;
        }
        let count = others.clone().count() as u32;
        let given = others.all(|n| self.give_flash(n, None)) && self.give_flash(first, Some(count));
        if !given {
            self.follow_up(index, Event::KeepFailed(Reason::StoreFailed));
        }
    }

    /// Has `flash` prepare a member's bundle, or commit it together with so many others. Returns whether there was room.
    fn give_flash(&mut self, index: usize, others: Option<u32>) -> bool {
        let Some(unit) = self.units.get(index) else {
            return false;
        };
        let about = self.about_offer(index, unit.machine.client());
        let slot = unit
            .machine
            .candidate()
            .map_or(0, |image| image.slot.into());
        let length = unit.offer.length;
        let (task, command) = match others {
            None => (
                Task::Prepare(index),
                Command::Prepare {
                    slot,
                    length,
                    about,
                },
            ),
            Some(others) => (
                Task::Keep(index),
                Command::Keep {
                    slot,
                    length,
                    others,
                    about,
                },
            ),
        };
        let store = self.store.as_mut();
        store.is_some_and(|store| store.give(&self.kernel, task, command))
    }

    /// A member's bundle was written, or was not.
    pub(crate) fn prepared(&mut self, index: usize, result: Result<(), Reason>) {
        if let Err(reason) = result
            && self.stand(index) == Stand::Keeping
        {
            self.give(index, Event::KeepFailed(reason));
        }
    }

    /// The images of all members outlive the power, or none does.
    pub(crate) fn kept_together(&mut self, index: usize, result: Result<(), Reason>) {
        if self.stand(index) != Stand::Keeping {
            return;
        }
        match (result, &mut self.transaction) {
            (Ok(()), Some(joined)) => {
                joined.machine.kept();
                self.drive();
            }
            (Err(reason), _) => self.give(index, Event::KeepFailed(reason)),
            (Ok(()), None) => {}
        }
    }
}
