// SPDX-License-Identifier: BSD-2-Clause
//! The machines' actions, carried out.

use molt_control::Order;
use molt_control::stage::Command;
use molt_doorbell::{Answer, Reason, Status};
use molt_trace::{Event as Trace, Word};
use molt_update::{Action, Event, Phase};
use sel4::cap_type;

use crate::unit::place_at;
use crate::update::Update;
use crate::vault::capability;
use crate::work::Kind;

impl Update {
    /// Gives a machine an event and does what it wants.
    pub fn give(&mut self, index: usize, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            let now = self.clock.us();
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

    /// Has a machine given an event when it has been done with the present one.
    fn follow_up(&mut self, index: usize, event: Event) {
        if let Some(unit) = self.units.get_mut(index) {
            // At most one follows from each action that can cause one: there is room.
            let _ = unit.followups.push_back(event);
        }
    }

    fn carry_out(&mut self, index: usize, action: Action) {
        match action {
            Action::Verify {
                slot,
                client,
                committed,
            } => self.verify(index, slot, client, committed),
            Action::Build {
                slot,
                arena,
                generation,
            } => self.build(index, slot, arena, generation),
            Action::Quiesce(_) => self.quiesce(index),
            Action::CloseGates => self.close_gates(index),
            Action::OpenGates(generation) => self.open_gates(index, generation),
            Action::FailGates => self.fail_gates(index),
            Action::Suspend(_) => self.suspend(index),
            Action::StopDevice => self.stop_device(index),
            Action::Deny(_) => self.deny(index),
            Action::Grant { generation, arena } => self.grant(index, generation, arena),
            Action::ClearArena(arena) => self.clear(index, arena),
            Action::AskBeat(_) => {
                if let Some(unit) = self.units.get_mut(index) {
                    unit.beat = Some(unit.orders.ask_beat());
                    unit.driver.notify();
                }
            }
            Action::Report {
                client,
                status,
                reason,
            } => self.reported(index, client, status, reason),
            Action::Reject { client, reason } => self.rejected(index, client, reason),
        }
    }

    fn verify(&mut self, index: usize, slot: u8, client: u8, committed: u64) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let command = Command::Verify {
            component: index,
            slot: slot.into(),
            client: client.into(),
            length: unit.offered_length,
            committed,
        };
        self.stage.give(index, command);
    }

    fn build(&mut self, index: usize, slot: u8, arena: u8, generation: u64) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.building = Some(arena);
        unit.build = Some(Command::Build {
            component: index,
            slot: slot.into(),
            arena: arena.into(),
            generation,
        });
        self.work.add(index, arena, Kind::Lend);
    }

    fn quiesce(&mut self, index: usize) {
        self.measure_deny(index);
        if let Some(unit) = self.units.get_mut(index) {
            unit.quiesced_in_order = false;
            unit.orders.order(Order::Quiesce);
            unit.driver.notify();
        }
    }

    fn close_gates(&mut self, index: usize) {
        for client in self.clients.iter_mut().filter(|c| c.has(index)) {
            client.warden.close(index);
            client.closing |= 1 << index;
            client.channel.notify();
        }
    }

    fn fail_gates(&mut self, index: usize) {
        for client in self.clients.iter_mut().filter(|c| c.has(index)) {
            client.warden.out_of_service(index);
            client.closing &= !(1 << index);
            client.channel.notify();
        }
    }

    fn open_gates(&mut self, index: usize, generation: u64) {
        for client in self.clients.iter_mut().filter(|c| c.has(index)) {
            client.warden.open(index, generation);
            client.closing &= !(1 << index);
            client.channel.notify();
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.poll = Some(0);
        let version = unit.report.version();
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

    fn suspend(&mut self, index: usize) {
        // Where the blackout begins without an order to quiesce.
        self.measure_deny(index);
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.poll = None;
        unit.beat = None;
        if let Some(holder) = unit.holder {
            // An error would mean that there is no thread.
            let _ = capability::<cap_type::Tcb>(holder.tcb).tcb_suspend();
        }
    }

    fn stop_device(&mut self, index: usize) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        match unit.stop(&mut self.books) {
            Ok(()) => unit.stopping = true,
            Err(error) => self.failed("stop", error),
        }
        if self.look_whether_stopped(index) {
            self.follow_up(index, Event::Stopped);
        }
    }

    /// Whether a device that was to stop has stopped just now.
    pub fn look_whether_stopped(&mut self, index: usize) -> bool {
        let stopped = self.units.get_mut(index).is_some_and(|unit| {
            let stopped = unit.stopping && unit.stopped();
            unit.stopping &= !stopped;
            stopped
        });
        if stopped {
            #[cfg(feature = "probe-dma")]
            self.check_ring(index);
            self.trace(Trace::Stopped {
                component: self.name(index),
            });
        }
        stopped
    }

    fn deny(&mut self, index: usize) {
        self.measure_deny(index);
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let Some(place) = unit.holder.take() else {
            return;
        };
        if let Err(error) = unit.deny(self.brief, &mut self.books, place) {
            self.failed("deny", error);
        }
        #[cfg(feature = "probe-old")]
        if self.units.get(index).is_some_and(|u| u.quiesced_in_order) {
            self.try_old(index, place);
        }
        let brief = self.brief;
        let unit = self.units.get(index);
        let regions = unit.map_or(&[][..], |unit| crate::grant::regions(brief, unit));
        for region in regions {
            self.trace(Trace::Revoked {
                component: self.name(index),
                region: Word::new(region.name.as_str()),
            });
        }
        self.trace(Trace::Denied {
            component: self.name(index),
            technique: Word::new("hold"),
        });
    }

    fn grant(&mut self, index: usize, generation: u64, arena: u8) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let place = place_at(self.books.arena(unit.arena_number(arena)));
        unit.holder = Some(place);
        unit.quiesced_in_order = false;
        unit.measure.granted();
        let result = unit.grant(self.brief, &mut self.books, &self.fixed, generation, place);
        self.trace(Trace::Granted {
            component: self.name(index),
            generation,
        });
        match result {
            Ok(()) => self.unpark(index),
            Err(error) => {
                self.failed("grant", error);
                let reason = Reason::GrantFailed;
                self.follow_up(index, Event::Failed { generation, reason });
            }
        }
    }

    /// Clients that touched what was taken go on where they were.
    fn unpark(&mut self, index: usize) {
        for client in self.clients.iter_mut().filter(|c| c.has(index) && c.parked) {
            client.parked = false;
            // An error would mean that there is no such thread.
            let _ = client.tcb().tcb_resume();
        }
    }

    fn clear(&mut self, index: usize, arena: u8) {
        let building = self.units.get_mut(index).is_some_and(|unit| {
            let building = unit.building == Some(arena);
            if building {
                unit.building = None;
                unit.build = None;
            }
            building
        });
        if building && self.stage.withdraw(index) {
            self.follow_up(index, Event::StageFailed(Reason::None));
        }
        self.work.add(index, arena, Kind::Clear);
    }

    fn reported(&mut self, index: usize, client: Option<u8>, status: Status, reason: Reason) {
        let now = self.clock.ns();
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.status = status;
        unit.reason = reason;
        unit.measure.reached(status, now);
        self.trace_status(index, client, status, reason);
        if let Some(client) = client {
            self.tell(index, client.into(), status, reason);
        }
    }

    fn rejected(&mut self, index: usize, client: u8, reason: Reason) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let own = unit.machine.client() == Some(client) && unit.machine.phase() != Phase::Idle;
        let status = if own { unit.status } else { Status::Refused };
        self.trace(Trace::Refused {
            client: self.client_name(client.into()),
            component: self.name(index),
            reason: Word::new(reason.word()),
        });
        self.tell(index, client.into(), status, reason);
    }

    fn tell(&mut self, index: usize, client: usize, status: Status, reason: Reason) {
        let (Some(unit), Some(client)) = (self.units.get(index), self.clients.get_mut(client))
        else {
            return;
        };
        let working = matches!(unit.machine.phase(), Phase::Verifying | Phase::Building);
        let progress = match status {
            _ if working => self.stage.progress(),
            Status::Idle | Status::Offered | Status::Confirmed | Status::Refused => 0,
            _ => 1000,
        };
        let handle = if status == Status::Offered {
            unit.handle
        } else {
            0
        };
        client.tell(Answer {
            serial: 0,
            status,
            reason,
            handle,
            progress,
            generation: unit.machine.holder().unwrap_or(0),
            sequence: unit.machine.committed().sequence,
        });
    }

    pub fn failed(&mut self, what: &str, error: sel4::Error) {
        self.trace(Trace::Value {
            name: Word::new(what),
            value: error as u64,
        });
    }
}
