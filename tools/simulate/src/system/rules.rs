// SPDX-License-Identifier: BSD-2-Clause
//! What must hold after each step, and at the end of a run.

use molt_doorbell::{Reason, Status};
use molt_supervisor::Standing;
use molt_update::{Machine, Phase};

use super::part::{Seen, disturbs};
use super::{GRACE_US, System};
use crate::check::{check, check_end};
use crate::client::{Client, Manner, Wish};
use crate::machine::Machine as GuestMachine;
use crate::plan;
use crate::world::World;

impl System {
    /// What must hold after each step.
    pub(super) fn look(&mut self) -> Option<&'static str> {
        let denied = std::mem::take(&mut self.world.borrow_mut().denied);
        if let Some(rule) = self.clients_rule() {
            return Some(rule);
        }
        let mut anew = false;
        for component in 0..self.parts.len() {
            let (rule, seen) = self.look_at(component);
            if rule.is_some() {
                return rule;
            }
            anew |= seen;
        }
        if anew && self.parts.len() > 1 {
            return self.look_at_both(&denied);
        }
        None
    }

    /// Of what the clients and their guest see.
    fn clients_rule(&self) -> Option<&'static str> {
        let world = self.world.borrow();
        if world.broken.is_some() {
            return world.broken;
        }
        let honest = self.clients.iter().filter(|c| c.manner == Manner::Good);
        let mut ports = honest.flat_map(|client| &client.ports);
        let broken = ports.find_map(|port| port.broken(self.parts[port.component].spoilt));
        let guest = self.clients[plan::GUEST].manner == Manner::Good && !self.parts[0].spoilt;
        let share = world.share.as_ref().and_then(|share| share.broken);
        broken.or(share.filter(|_| guest))
    }

    /// What must hold of a component, and whether anything about it has changed.
    fn look_at(&mut self, component: usize) -> (Option<&'static str>, bool) {
        let world = self.world.borrow();
        let Some(unit) = self.supervisor.units().get(component) else {
            return (None, false);
        };
        let part = &mut self.parts[component];
        let holder = unit.machine().holder();
        let seen = Seen {
            calls: world.calls.made,
            phase: unit.machine().phase(),
            holder,
            place: unit.holder().place().map(|place| place.tcb.0),
            books: self.supervisor.books().in_use(),
            frozen: unit.machine().frozen(),
        };
        if unit.offer().status == Status::Committed && holder != part.committed {
            part.committed = holder;
            let failed = part.driver.as_ref().map_or(0, |driver| driver.failed);
            if failed > 1 && !part.spoilt {
                return (Some("committed what answers with errors"), true);
            }
            let arena = part.driver.as_ref().map_or(0, |driver| driver.arena);
            let key = self.stage.built[component][arena].map(|bundle| bundle.keys[component]);
            if !self.excused && key.is_some_and(|key| key != unit.machine().keys()) {
                return (Some("committed what a revoked key signed"), true);
            }
        }
        if unit.machine().phase() == Phase::Deferred {
            let since = *part.deferred.get_or_insert(world.now);
            // It may be looked at late.
            let longest = plan::DEFER_US.iter().max().copied().unwrap_or(0) + GRACE_US;
            if world.now > since + longest {
                return (Some("an update waits for longer than it may"), true);
            }
        } else {
            part.deferred = None;
        }
        let keys = unit.machine().keys();
        if std::mem::replace(&mut part.keys, keys) > keys {
            return (Some("an older list of keys is in force"), true);
        }
        let before = part.looked.replace(seen);
        if before == Some(seen) {
            return (None, false);
        }
        if let Some(before) = before
            && begins_to_disturb(before.phase, unit.machine())
            && before.frozen
            && seen.frozen
        {
            return (Some("an update of a frozen component disturbs it"), true);
        }
        let guest = &self.clients[plan::GUEST];
        if let Some(before) = before
            && begins_to_disturb(before.phase, unit.machine())
            && !unit.machine().forced()
            && plan::consents(self.places.shape, plan::GUEST) >> component & 1 == 1
            && guest.manner == Manner::Good
            && self.supervisor.standing(plan::GUEST) == Some(Standing::Believed)
            && guest.machine().is_some_and(GuestMachine::has_disk)
        {
            return (Some("an update disturbs a guest that has its disk"), true);
        }
        let anew =
            before.is_none_or(|before| (before.holder, before.books) != (holder, seen.books));
        let rule = check(&self.supervisor, &world, &self.places, component, anew);
        (rule, true)
    }

    /// Whether nothing is under way.
    pub(super) fn settled(&self) -> bool {
        if !self.agenda.is_empty() || self.world.borrow().now < self.rung + GRACE_US {
            return false;
        }
        let phases = self.supervisor.units().iter().map(|u| u.machine().phase());
        // What one component gives `stage` to build waits for ever if it never answers for the other one.
        !self.supervisor.joins()
            && (self.supervisor.rests() || self.stage.gone)
            && (0..).zip(phases).all(|(n, phase)| match phase {
                Phase::OutOfService(_) => !self.owed(n),
                Phase::Idle => !self.owed(n) || !self.parts[n].serves(),
                _ => false,
            })
    }

    /// Whether an honest client waits for anything of a component.
    fn owed(&self, component: usize) -> bool {
        self.honest(component).any(|client| client.waits(component))
    }

    /// How many of a component's clients are hostile.
    fn hostiles(&self, component: usize) -> usize {
        let clients = self.clients_of(component);
        clients.filter(|c| c.manner != Manner::Good).count()
    }

    /// How often hostile clients may have ended a generation.
    fn lies(&self, component: usize) -> usize {
        self.hostiles(component) * (1 + usize::from(self.forgiven))
    }

    /// Whether a client waits for a region that it has. One that was let in again has it from the next grant on.
    fn waits_for_nothing(&self, world: &World, client: &Client) -> bool {
        let waits_at = world.blocked[client.index];
        let vspace = plan::client_vspace(client.index);
        waits_at.is_some_and(|at| world.calls.reached(vspace, at).is_some())
    }

    fn clients_of(&self, component: usize) -> impl Iterator<Item = &Client> {
        let place = self.places.of(component);
        place.clients().map(|n| &self.clients[n])
    }

    /// A component's clients that have done nothing wrong and are believed.
    fn honest(&self, component: usize) -> impl Iterator<Item = &Client> {
        self.clients_of(component).filter(|client| {
            client.manner == Manner::Good
                && !client.dead
                && self.supervisor.standing(client.index) == Some(Standing::Believed)
        })
    }

    pub(super) fn end(&mut self) -> Option<&'static str> {
        let rule = (0..self.parts.len()).find_map(|n| self.end_of(n));
        let rule = rule.or_else(|| self.untold());
        if rule.is_some() || self.excused {
            return rule;
        }
        check_end(&self.supervisor, &self.world.borrow())
    }

    /// What must hold at the end of a component.
    fn end_of(&self, component: usize) -> Option<&'static str> {
        let world = self.world.borrow();
        let unit = self.supervisor.units().get(component)?;
        let part = &self.parts[component];
        if let Phase::OutOfService(reason) = unit.machine().phase()
            && !self.excused
            && usize::from(part.crashes) + usize::from(part.starved) + self.lies(component) < 3
            && self.hostiles(component) < 2
            && part.serves()
            // Whoever is left alone with it hurts nobody else.
            && self.honest(component).next().is_some()
            && reason != Reason::StopTimeout
        {
            return Some("out of service for no reason");
        }
        let mut honest = self.honest(component);
        if unit.holder().granted() && honest.any(|client| self.waits_for_nothing(&world, client)) {
            return Some("a parked client is not resumed");
        }
        let guest = &self.clients[plan::GUEST];
        if component == 0
            && let (Some(machine), Manner::Good, false) =
                (guest.machine(), guest.manner, part.spoilt)
            && let Some(rule) = machine.end(&world)
        {
            return Some(rule);
        }
        if self.excused {
            return None;
        }
        let lives = part.driver.as_ref().is_some_and(|driver| !driver.crashed);
        if let (Some(firmware), Phase::Idle, true) = (
            world.devices[component].firmware,
            unit.machine().phase(),
            lives,
        ) && firmware.kept != unit.machine().committed().sequence
        {
            return Some("the device starts with other firmware than the committed");
        }
        None
    }

    /// Whoever has offered something was told how it has ended.
    fn untold(&self) -> Option<&'static str> {
        let told = |client: &Client| {
            let status = client.answer().status;
            // The answer to this is how the component is, whoever has offered something for it.
            let asks = client.wish == Some(Wish::Forgive) || client.manner != Manner::Good;
            asks || status == Status::Idle || status.is_final()
        };
        (!self.clients.iter().all(told)).then_some("a client is not told how its offer has ended")
    }

    /// The name of what did not end.
    pub(super) fn late(&self) -> &'static str {
        let idle = self
            .supervisor
            .units()
            .iter()
            .all(|unit| matches!(unit.machine().phase(), Phase::Idle | Phase::OutOfService(_)));
        if idle && (0..self.parts.len()).any(|n| self.owed(n)) {
            "a request is lost"
        } else if idle {
            "it does not come to rest"
        } else {
            "a transaction did not end"
        }
    }
}

/// Whether a client's update has begun to disturb the others. `before`: the phase in which it was.
fn begins_to_disturb(before: Phase, machine: &Machine) -> bool {
    let update = machine.candidate().is_some() && machine.client().is_some();
    update && disturbs(machine.phase()) && !disturbs(before)
}
