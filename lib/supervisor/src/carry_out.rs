// SPDX-License-Identifier: BSD-2-Clause
//! Carries out the machines' actions.

use molt_control::Order;
use molt_control::stage::Command;
use molt_doorbell::{Answer, Reason, Status};
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Action, Event, Phase};

use crate::work::Kind;
use crate::{Kernel, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Gives a machine an event and carries out its actions, and what follows for the others of its transaction.
    pub(crate) fn give(&mut self, index: usize, event: Event) {
        self.give_one(index, event);
        self.drive();
    }

    /// Gives a machine an event and carries out its actions.
    pub(crate) fn give_one(&mut self, index: usize, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            let now = self.us();
            let Some(unit) = self.units.get_mut(index) else {
                return;
            };
            for action in unit.machine.step(now, event) {
                self.carry_out(index, action);
            }
            next = self
                .units
                .get_mut(index)
                .and_then(|u| u.followups.pop_front());
        }
    }

    /// Gives a machine an event after the present one has been handled.
    pub(crate) fn follow_up(&mut self, index: usize, event: Event) {
        if let Some(unit) = self.units.get_mut(index) {
            // Each action causes at most one event, so there is room.
            let _ = unit.followups.push_back(event);
        }
    }

    fn carry_out(&mut self, index: usize, action: Action) {
        match action {
            Action::Verify {
                slot,
                client,
                committed,
                keys,
            } => self.verify(index, slot, client, committed, keys),
            Action::Build {
                slot,
                arena,
                generation,
            } => self.build(index, slot, arena, generation),
            Action::Transfer { arena, .. } => self.transfer(index, arena),
            Action::WaitFor(by) => self.wait_for(index, by),
            Action::Confirm(_) => self.confirm(index),
            Action::Prepare { generation, arena } => self.prepare(index, generation, arena),
            Action::Quiesce(_) => self.quiesce(index),
            Action::CloseGates => self.close_gates(index),
            Action::OpenGates(generation) => self.open_gates(index, generation),
            Action::FailGates => self.fail_gates(index),
            Action::Suspend(_) => self.suspend(index),
            Action::StopDevice => self.stop_device(index),
            Action::Deny(_) => self.deny(index),
            Action::Grant { generation, arena } => self.grant(index, generation, arena),
            Action::Keep { slot, client } => self.keep(index, slot, client),
            Action::KeepKeys { slot, client } => self.keep_keys(index, slot, client),
            Action::Blame { client, reason } => self.blame(index, client, reason),
            Action::ClearArena(arena) => self.clear(index, arena),
            Action::AskBeat(_) => {
                if let Some(unit) = self.units.get_mut(index) {
                    let beat = unit.orders().ask_beat();
                    unit.watch.asked(beat);
                    self.kernel.notify(unit.plan.channel);
                }
            }
            Action::Report {
                client,
                status,
                reason,
            } => self.reported(index, client, status, reason),
            Action::Reclaim => self.reclaim(index),
            Action::Decline(reason) => self.declined = Some(reason),
            Action::Reject { client, reason } => self.rejected(index, client, reason),
        }
    }

    fn verify(&mut self, index: usize, slot: u8, client: u8, committed: u64, keys: u64) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let command = Command::Verify {
            component: index,
            slot: slot.into(),
            client: client.into(),
            length: unit.offer.length,
            committed,
            keys,
        };
        self.stage.give(&self.kernel, index, command);
    }

    fn build(&mut self, index: usize, slot: u8, arena: u8, generation: u64) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let command = Command::Build {
            component: index,
            slot: slot.into(),
            arena: arena.into(),
            generation,
        };
        unit.build.order(arena, command);
        self.work.add(index, arena, Kind::Lend);
    }

    fn quiesce(&mut self, index: usize) {
        self.measure_deny(index);
        if let Some(unit) = self.units.get_mut(index) {
            unit.watch.leaving(unit.report());
            unit.departed.in_order = false;
            unit.orders().order(Order::Quiesce);
            self.kernel.notify(unit.plan.channel);
        }
    }

    fn close_gates(&mut self, index: usize) {
        for client in self.clients.iter_mut().filter(|c| c.serves(index)) {
            client.warden.close(index);
            client.closing |= 1 << index;
            client.changed();
        }
    }

    fn fail_gates(&mut self, index: usize) {
        for client in self.clients.iter_mut().filter(|c| c.serves(index)) {
            client.warden.out_of_service(index);
            client.closing &= !(1 << index);
            client.changed();
        }
        self.release(index);
    }

    fn open_gates(&mut self, index: usize, generation: u64) {
        let now = self.us();
        if let Err(error) = self.pass(index) {
            self.failed("pass", error);
            let reason = Reason::GrantFailed;
            return self.follow_up(index, Event::Failed { generation, reason });
        }
        for client in self.clients.iter_mut().filter(|c| c.serves(index)) {
            client.warden.open(index, generation);
            client.closing &= !(1 << index);
            client.changed();
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.watch.begin();
        unit.since = now;
        let version = unit.report().version();
        self.trace(Trace::Ready {
            component: self.name(index),
            generation,
        });
        self.trace(Trace::Started {
            component: self.name(index),
            generation,
            version,
        });
    }

    fn clear(&mut self, index: usize, arena: u8) {
        let building = self.units.get_mut(index).is_some_and(|unit| {
            unit.transfer.give_up(arena);
            unit.build.give_up(arena)
        });
        if building && self.stage.withdraw(index) {
            self.follow_up(index, Event::StageFailed(Reason::None));
        }
        self.work.add(index, arena, Kind::Clear);
    }

    fn reported(&mut self, index: usize, client: Option<u8>, status: Status, reason: Reason) {
        let now = self.clock.ns(&self.kernel);
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.offer.reached(status, reason);
        let follows = unit.offer.follows;
        if matches!(status, Status::Committed | Status::RolledBack) {
            unit.watch.proven();
        }
        unit.measure.reached(status, now);
        self.trace_status(index, client, status, reason);
        self.record_status(index, client, status, reason);
        if (status, reason) == (Status::RolledBack, Reason::ProbationTimeout) {
            self.starved(index);
        }
        // Of several components the guest is told of the one that it has offered for.
        if let Some(client) = client.filter(|_| !follows)
            && !self.ends_later(index, status, reason)
        {
            self.tell(index, client.into(), status, reason);
        }
    }

    /// A command of a client is refused; what is under way continues.
    pub(crate) fn rejected(&mut self, index: usize, client: u8, reason: Reason) {
        self.trace(Trace::Refused {
            client: self.client_name(client.into()),
            component: self.name(index),
            reason: WordRef(reason.word()),
        });
        self.record_refusal(index, client, reason);
        self.refuse(index, client, reason);
    }

    /// Tells a client that its command is refused.
    pub(crate) fn refuse(&mut self, index: usize, client: u8, reason: Reason) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let own = unit.machine.client() == Some(client) && unit.machine.phase() != Phase::Idle;
        let status = if own {
            unit.offer.status
        } else {
            Status::Refused
        };
        self.tell(index, client.into(), status, reason);
    }

    /// Answers a client whose command was executed at once.
    pub(crate) fn answer(&mut self, index: usize, client: usize) {
        let offer = self.units.get(index).map(|unit| &unit.offer);
        let (status, reason) = offer.map_or_else(Default::default, |o| (o.status, o.reason));
        self.tell(index, client, status, reason);
    }

    pub(crate) fn tell(&mut self, index: usize, client: usize, status: Status, reason: Reason) {
        let deferred_by = (status == Status::Deferred).then(|| self.deferrer(index));
        let deferred_by = deferred_by.flatten();
        let (Some(unit), Some(client)) = (self.units.get(index), self.clients.get_mut(client))
        else {
            return;
        };
        let working = matches!(unit.machine.phase(), Phase::Verifying | Phase::Building);
        let progress = match status {
            _ if working => self.stage.progress(),
            Status::Staged if unit.has_firmware() => unit.transfer_progress(),
            Status::Idle | Status::Offered | Status::Confirmed | Status::Refused => 0,
            _ => 1000,
        };
        let handle = if status == Status::Offered {
            unit.offer.handle
        } else {
            0
        };
        let answer = Answer {
            serial: 0,
            status,
            reason,
            handle,
            progress,
            generation: unit.machine.holder().unwrap_or(0),
            sequence: match status {
                Status::KeysExchanged => unit.machine.keys(),
                _ => unit.machine.committed().sequence,
            },
            deferred_by: deferred_by.unwrap_or_default(),
        };
        client.tell(answer);
    }
}
