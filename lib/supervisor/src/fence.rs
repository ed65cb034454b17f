// SPDX-License-Identifier: BSD-2-Clause
//! Claims of clients about drivers, and the fencing of clients.

use molt_doorbell::Reason;
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Barrier, Event, Phase};

use crate::standing::{Record, Standing};
use crate::{Kernel, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// A client claims that the generation that serves it broke the queue's protocol.
    pub(crate) fn violated(&mut self, component: usize, client: usize) {
        self.trace(Trace::Violation {
            component: self.name(component),
            client: self.client_name(client),
            what: WordRef("queue"),
        });
        if self.accused(component, client) {
            self.holder_failed(component, Reason::QueueViolation);
        } else {
            self.fence(client, Reason::QueueViolation);
        }
    }

    /// A client accuses the generation that has the device. Returns whether it is believed.
    fn accused(&mut self, component: usize, client: usize) -> bool {
        let now = self.us();
        let Some(unit) = self.units.get_mut(component) else {
            return true;
        };
        let serves = !matches!(
            unit.machine.phase(),
            Phase::Closing { .. }
                | Phase::Stopping
                | Phase::AtBarrier(Barrier::Stopped | Barrier::Denied)
                | Phase::OutOfService(_)
                | Phase::Off
        );
        if !serves {
            // The generation is being replaced anyway.
            if let Some((first, on_trial)) = unit.departed.accuser
                && first != client
            {
                unit.departed.accuser = None;
                if let Some(first) = self.clients.get_mut(first) {
                    first.record.confirmed(on_trial);
                }
            }
            return true;
        }
        let on_trial = unit.machine.phase() == Phase::Probation;
        let attempts = unit.plan.attempts;
        unit.departed.accuser = Some((client, on_trial));
        if self.alone(component, client) {
            return true;
        }
        let client = self.clients.get_mut(client);
        client.is_none_or(|client| client.record.accuses(now, on_trial, attempts))
    }

    /// A probation was not passed, because nothing was completed of what clients claim to wait for.
    pub(crate) fn starved(&mut self, component: usize) {
        let now = self.us();
        let owing = self.units.get(component).map_or(0, |u| u.departed.owing);
        let attempts = self.units.get(component).map_or(0, |u| u.plan.attempts);
        if owing.count_ones() != 1 {
            return;
        }
        let client = owing.trailing_zeros() as usize;
        let others = !self.alone(component, client);
        if let Some(accuser) = self.clients.get_mut(client)
            && others
            && !accuser.record.accuses(now, true, attempts)
        {
            self.fence(client, Reason::ProbationTimeout);
        }
    }

    /// The deadline for closing the gates has passed, or all clients have acknowledged.
    pub(crate) fn judge_gates(&mut self, component: usize) {
        for index in 0..self.clients.len() {
            let alone = self.alone(component, index);
            let Some(client) = self.clients.get_mut(index) else {
                return;
            };
            let late = client.has(component)
                && client.standing == Standing::Believed
                && client.closing & 1 << component != 0;
            if late && !client.record.closed(false) && !alone {
                self.fence(index, Reason::GateTimeout);
            }
        }
    }

    /// Whether no other believed client has a share of this component: what it says of that hurts only itself.
    pub(crate) fn alone(&self, component: usize, client: usize) -> bool {
        let mut clients = self.clients.iter().enumerate();
        !clients.any(|(index, other)| index != client && other.serves(component))
    }

    /// Fences a client: it gets errors, and the others continue.
    fn fence(&mut self, client: usize, reason: Reason) {
        self.trace(Trace::Fenced {
            client: self.client_name(client),
            reason: WordRef(reason.word()),
        });
        self.exclude(client, Standing::Fenced);
    }

    /// Excludes a client that is fenced or dead.
    pub(crate) fn exclude(&mut self, index: usize, standing: Standing) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        client.standing = standing;
        client.closing = 0;
        for component in 0..self.units.len() {
            if client.has(component) {
                client.warden.out_of_service(component);
            }
        }
        client.changed();
        for component in 0..self.units.len() {
            self.give(component, Event::ClientGone(index as u8));
        }
    }

    /// Believes the fenced clients of a component again, from its next grant on.
    pub(crate) fn readmit(&mut self, component: usize) {
        for index in 0..self.clients.len() {
            let client = self.clients.get(index);
            if client.is_some_and(|c| c.standing == Standing::Fenced && c.has(component)) {
                self.admit(index);
            }
        }
    }

    /// Believes a fenced client again, from the next grant on.
    pub(crate) fn admit(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        client.standing = Standing::Believed;
        client.record = Record::default();
        for component in 0..self.units.len() {
            // What it said while it was fenced is not heard.
            client.accuses(component);
        }
        self.trace(Trace::Readmitted {
            client: self.client_name(index),
        });
        for component in 0..self.units.len() {
            self.give(component, Event::ClientBack(index as u8));
        }
    }

    /// The clients that are fenced or dead, one bit each.
    pub(crate) fn gone(&self) -> u8 {
        let clients = self.clients.iter().enumerate();
        clients
            .filter(|(_, client)| client.standing != Standing::Believed)
            .fold(0, |bits, (index, _)| bits | 1 << index)
    }
}
