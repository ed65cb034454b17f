// SPDX-License-Identifier: BSD-2-Clause
//! Clients that defer updates: what they say in their pages, and what they and the guest that has offered are told.
//!
//! What a client says stands in its page until it says something else, and is looked at in each turn; it is no command, and causes no
//! line on the console by itself. Its VMM notifies `update` only when an update waits for it.

use molt_control::store::About;
use molt_doorbell::{Deferrer, Reason, Status};
use molt_store::Kind;
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Event, Phase};

use crate::{Kernel, Standing, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Looks at what the clients say about updates of the components that they may defer. Done before anything else that may let an
    /// update pass, and those that begin to defer are heard first: until an update waits for a client, nobody is notified of what it
    /// says, so it may have said it long ago.
    pub(crate) fn look_at_deferrals(&mut self) {
        self.hear(|until, seen| until > seen);
        self.hear(|until, seen| until != seen);
    }

    /// Hears the clients of whose word, and what it was before, `which` is true.
    fn hear(&mut self, which: impl Fn(u64, u64) -> bool) {
        for index in 0..self.clients.len() {
            for component in 0..self.units.len() {
                let Some(client) = self.clients.get_mut(index) else {
                    return;
                };
                if !client.may_defer(component) {
                    continue;
                }
                let until = client.warden.deferral(component);
                let seen = client.deferrals.get_mut(component);
                let Some(seen) = seen.filter(|seen| which(until, **seen)) else {
                    continue;
                };
                *seen = until;
                let client = index as u8;
                self.give(component, Event::Defer { client, until });
            }
        }
    }

    /// A component's update waits for these clients, one bit each.
    pub(crate) fn wait_for(&mut self, index: usize, by: u8) {
        let now = self.us();
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let before = core::mem::replace(&mut unit.deferred_by, by);
        if by == 0 {
            unit.measure.waited(self.clock.ns(&self.kernel));
        }
        for client in 0..self.clients.len() {
            match (before >> client & 1, by >> client & 1) {
                (0, 1) => self.defers(index, client, now),
                (1, 0) => self.admits(index, client, now),
                _ => {}
            }
        }
        self.tell_deferred(index);
    }

    /// An update begins to wait for a client.
    fn defers(&mut self, index: usize, client: usize, now: u64) {
        let (Some(unit), Some(place)) = (self.units.get(index), self.clients.get_mut(client))
        else {
            return;
        };
        let until = unit.machine.waits_for(client as u8).unwrap_or(now);
        place.warden.wait_for(index, until.max(1));
        place.changed();
        if let Some(since) = place.deferred_since.get_mut(index) {
            *since = now;
        }
        self.trace(Trace::Deferred {
            component: self.name(index),
            client: self.client_name(client),
            most: until.saturating_sub(now).saturating_mul(1000),
        });
        let about = self.about_deferred(index, client);
        self.record(Kind::Deferred, about);
    }

    /// An update does not wait for a client any more.
    fn admits(&mut self, index: usize, client: usize, now: u64) {
        let (Some(unit), Some(place)) = (self.units.get(index), self.clients.get(client)) else {
            return;
        };
        place.warden.wait_for(index, 0);
        let since = place.deferred_since.get(index).copied().unwrap_or(now);
        let until = place.deferrals.get(index).copied().unwrap_or(0);
        let (how, reason) =
            if unit.machine.candidate().is_none() || unit.machine.phase() == Phase::Idle {
                ("ended", None)
            } else if unit.machine.forced() {
                ("forced", Some(Reason::Operator))
            } else if place.standing != Standing::Believed {
                ("gone", Some(Reason::ClientGone))
            } else if until > now {
                ("timeout", Some(Reason::DeferTimeout))
            } else {
                ("admitted", Some(Reason::None))
            };
        self.trace(Trace::Admitted {
            component: self.name(index),
            client: self.client_name(client),
            how: WordRef(how),
            ns: now.saturating_sub(since).saturating_mul(1000),
        });
        // How an update ends that is given up has a record of its own.
        if let Some(reason) = reason {
            let about = self.about_deferred(index, client);
            let reason = reason as u32;
            self.record(Kind::Admitted, About { reason, ..about });
        }
    }

    fn about_deferred(&self, index: usize, client: usize) -> About {
        self.about_offer(index, Some(client as u8))
    }

    /// Another one of the clients that defer the update may be named to the guest that has offered it.
    fn tell_deferred(&mut self, index: usize) {
        let first = self.first_of(index);
        let Some(unit) = self.units.get(first) else {
            return;
        };
        if let (Some(client), true) = (unit.machine.client(), self.deferrer(first).is_some()) {
            self.tell(first, client.into(), Status::Deferred, Reason::None);
        }
    }

    /// The client that the update which was offered for this component waits for.
    pub(crate) fn deferrer(&self, first: usize) -> Option<Deferrer> {
        let units = self.units.iter().enumerate();
        let deferred = units.filter_map(|(n, unit)| {
            let deferred = unit.machine.deferred()?;
            (self.first_of(n) == first).then_some(deferred)
        });
        let (client, until_us) = deferred.max_by_key(|(_, until)| *until)?;
        let client = self.clients.get(usize::from(client))?;
        Some(Deferrer {
            name: client.plan.name.0,
            until_us,
        })
    }
}
