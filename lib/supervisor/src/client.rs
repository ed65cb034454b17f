// SPDX-License-Identifier: BSD-2-Clause
//! A client: its gates, its doorbell, and where it is parked.

use core::sync::atomic::AtomicU64;

use molt_doorbell::{Answer, Reason, Request, Status};
use molt_gate::Warden;
use molt_system::{MAX_COMPONENTS, UpdateClient};
use molt_trace::WordRef;

use crate::limit::{Offers, Pace};
use crate::standing::{Record, Standing};
use crate::{Kernel, Thread};

/// Bytes of a gate or control page.
pub const PAGE: u64 = 4096;

/// A client.
pub struct Client<'m> {
    pub plan: &'m UpdateClient,
    pub name: WordRef<'m>,
    pub warden: Warden<'m>,
    to_client: &'m [AtomicU64],
    to_update: &'m [AtomicU64],
    answer: Answer,
    /// It has to be signalled at the end of the turn.
    changed: bool,
    /// How often it touched a region while that was taken away; `parked`: the component for which it waits.
    pub parks: u64,
    pub parked: Option<usize>,
    /// Whether it is believed; `record`: the claims that it made alone.
    pub standing: Standing,
    pub record: Record,
    /// Its requests when they were traced last.
    pub told: u64,
    /// Violations that were seen, by component.
    pub violations: [u64; MAX_COMPONENTS],
    /// Bit c: its gate of component c was closed and the acknowledgement has not been seen.
    pub closing: u8,
    /// When its doorbell is heard; `offers`: those that count against its limits, by component.
    pub pace: Pace,
    pub offers: [Offers; MAX_COMPONENTS],
    /// Until when it defers updates, as it said last, and since when one waits for it; by component, in us.
    pub deferrals: [u64; MAX_COMPONENTS],
    pub deferred_since: [u64; MAX_COMPONENTS],
}

impl<'m> Client<'m> {
    /// The client with the plan's pages. All gates are closed.
    pub fn new(kernel: &impl Kernel<'m>, plan: &'m UpdateClient) -> Self {
        let to_client = kernel.words(plan.gate.to_client, PAGE);
        let to_update = kernel.words(plan.gate.to_update, PAGE);
        let client = Self {
            plan,
            name: WordRef(plan.name.as_str()),
            warden: Warden::new(to_client, to_update),
            to_client,
            to_update,
            answer: Answer::default(),
            changed: false,
            parks: 0,
            parked: None,
            standing: Standing::default(),
            record: Record::default(),
            told: 0,
            violations: [0; MAX_COMPONENTS],
            closing: 0,
            pace: Pace::default(),
            offers: Default::default(),
            deferrals: [0; MAX_COMPONENTS],
            deferred_since: [0; MAX_COMPONENTS],
        };
        client.answer.write(client.to_client);
        client
    }

    /// Whether it has a share of this component, and is neither dead nor fenced.
    pub fn serves(&self, component: usize) -> bool {
        self.has(component) && self.standing == Standing::Believed
    }

    /// Whether it has a share of this component.
    pub fn has(&self, component: usize) -> bool {
        bit(self.plan.components, component)
    }

    /// Whether its doorbell may offer updates of this component.
    pub fn may_update(&self, component: usize) -> bool {
        bit(self.plan.may_update, component)
    }

    /// Whether it may defer updates of this component.
    pub fn may_defer(&self, component: usize) -> bool {
        let waits = self.plan.defer_us.get(component).is_some_and(|us| *us != 0);
        waits || self.plan.consents >> component & 1 == 1
    }

    /// Whether it says that the generation of this component has broken the queue's protocol since this was last asked.
    pub fn accuses(&mut self, component: usize) -> bool {
        let violations = self.warden.account(component).violations;
        let seen = self.violations.get_mut(component);
        seen.is_some_and(|seen| core::mem::replace(seen, violations) != violations)
    }

    /// A command that has not been seen yet, if it is heard now.
    pub fn request(&mut self, now: u64) -> Option<Request> {
        if self.pace.from() > now {
            return None;
        }
        let request = self.unseen()?;
        self.answer.serial = request.serial;
        self.pace.hear(now);
        Some(request)
    }

    /// When a command that was not heard will be, in us.
    pub fn heard_at(&self, now: u64) -> Option<u64> {
        let from = self.pace.from();
        (from > now && self.unseen().is_some()).then_some(from)
    }

    fn unseen(&self) -> Option<Request> {
        Request::read(self.to_update).filter(|request| request.serial != self.answer.serial)
    }

    /// Whether its offer of so many bytes for a component is within its limits; the reason if not.
    pub fn offers(&mut self, now: u64, component: usize, length: u64) -> Reason {
        let Some(limit) = self.plan.limits.get(component) else {
            return Reason::NotAllowed;
        };
        let offers = self.offers.get_mut(component);
        if offers.is_some_and(|offers| !offers.make(now, limit)) {
            return Reason::TooManyOffers;
        }
        match limit.bundle_size {
            _ if length == 0 || length > self.plan.staging_size => Reason::BadLength,
            most if most != 0 && length > most => Reason::OverLimit,
            _ => Reason::None,
        }
    }

    /// Tells it the status of its transaction.
    pub fn tell(&mut self, answer: Answer) {
        self.answer = Answer {
            serial: self.answer.serial,
            ..answer
        };
        self.answer.write(self.to_client);
        self.changed();
    }

    /// Tells it that its command was refused before any machine saw it.
    pub fn refuse(&mut self, reason: Reason) {
        let answer = Answer {
            status: Status::Refused,
            reason,
            ..self.answer
        };
        self.tell(answer);
    }

    /// Records that something that it reads has changed: it is signalled once, at the end of the turn.
    pub fn changed(&mut self) {
        self.changed = true;
    }

    /// Signals it, if something has changed.
    pub fn notify(&mut self, kernel: &impl Kernel<'m>) {
        if core::mem::take(&mut self.changed) {
            kernel.notify(self.plan.channel);
        }
    }

    /// Its thread.
    pub fn thread(&self) -> Thread {
        Thread::Child(self.plan.child)
    }
}

fn bit(bits: u32, component: usize) -> bool {
    u32::try_from(component)
        .ok()
        .and_then(|c| bits.checked_shr(c))
        .is_some_and(|bits| bits & 1 == 1)
}
