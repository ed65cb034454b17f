// SPDX-License-Identifier: BSD-2-Clause
//! A client: its gates, its doorbell, and where it is parked.

use core::sync::atomic::AtomicU64;

use molt_doorbell::{Answer, Reason, Request, Status};
use molt_gate::Warden;
use molt_system::UpdateClient;
use molt_system::cspace::CHILD_TCB;
use molt_trace::Word;
use sel4::cap;
use sel4_microkit::Channel;

use crate::brief::{self, PAGE};

/// A client.
pub struct Client {
    pub plan: &'static UpdateClient,
    pub name: Word,
    pub channel: Channel,
    pub warden: Warden<'static>,
    to_client: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    answer: Answer,
    /// Times that it touched what was taken from it, and whether it waits because of that.
    pub parks: u64,
    pub parked: bool,
    /// Violations that were seen.
    pub violations: u64,
    /// Bit c: its gate of component c was closed and the acknowledgement has not been seen.
    pub closing: u8,
}

impl Client {
    /// With the plan's pages. All gates are closed.
    pub fn new(plan: &'static UpdateClient) -> Self {
        let to_client = brief::words(plan.gate.to_client, PAGE);
        let to_update = brief::words(plan.gate.to_update, PAGE);
        let client = Self {
            plan,
            name: Word::new(plan.name.as_str()),
            channel: Channel::new(plan.channel as usize),
            warden: Warden::new(to_client, to_update),
            to_client,
            to_update,
            answer: Answer::default(),
            parks: 0,
            parked: false,
            violations: 0,
            closing: 0,
        };
        client.answer.write(client.to_client);
        client
    }

    /// Whether it has a share of this component.
    pub fn has(&self, component: usize) -> bool {
        u32::try_from(component)
            .ok()
            .and_then(|c| self.plan.components.checked_shr(c))
            .is_some_and(|bits| bits & 1 == 1)
    }

    /// Whether its doorbell may offer updates of this component.
    pub fn may_update(&self, component: usize) -> bool {
        u32::try_from(component)
            .ok()
            .and_then(|c| self.plan.may_update.checked_shr(c))
            .is_some_and(|bits| bits & 1 == 1)
    }

    /// A command that has not been seen yet.
    pub fn request(&mut self) -> Option<Request> {
        let request = Request::read(self.to_update)?;
        if request.serial == self.answer.serial {
            return None;
        }
        self.answer.serial = request.serial;
        Some(request)
    }

    /// Tells it where its transaction stands.
    pub fn tell(&mut self, answer: Answer) {
        self.answer = Answer {
            serial: self.answer.serial,
            ..answer
        };
        self.answer.write(self.to_client);
        self.channel.notify();
    }

    /// Tells it that its command was refused before any machine saw it.
    pub fn refuse(&mut self, reason: Reason) {
        let answer = self.answer;
        self.tell(Answer {
            status: Status::Refused,
            reason,
            ..answer
        });
    }

    /// Its thread.
    pub fn tcb(&self) -> cap::Tcb {
        sel4::Cap::from_bits(CHILD_TCB + u64::from(self.plan.child))
    }
}
