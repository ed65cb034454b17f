// SPDX-License-Identifier: BSD-2-Clause
//! Transactions of two components: both machines, the transaction above them, and rules about both.
//!
//! Both components serve, and client 0 has confirmed a bundle for both. Whatever each machine waits for may come in any order, or not at
//! all. Bounded are the faults. Each machine has a clock of its own, since none looks at the other's. Heartbeats are answered and arenas
//! cleared at once: they, and stray answers, are explored with one machine in `main`.

use molt_update::{Barrier, Config, Event, Phase, Reason, Stand, Transaction};
use stateright::{Checker, Model, Property};

use crate::mutant::Mutant as None;
use crate::verdict::{holds, noticed};
use crate::walk;
use crate::world::{ALLOWED, Device, HANDLE, KEEP, StageJob, TRANSFER, World, config};

const RULES: [&str; 3] = [
    "no rule is broken",
    "ends when nobody answers",
    "ends when everybody answers",
];

/// The transaction, spoilt in one way each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mutant {
    None,
    /// A member is disturbed before the other one is staged.
    EarlyClose,
    /// The members are denied in another order.
    AnyOrder,
    /// A member is granted before the other one is denied.
    EarlyGrant,
    /// A member commits before the other one has passed probation.
    EarlyCommit,
    /// What one has failed at is not taken back from the other.
    HalfTakenBack,
    /// Commits before both images outlive the power.
    Volatile,
    /// Commits one of them.
    HalfCommitted,
}

impl Mutant {
    const ALL: [Self; 7] = [
        Self::EarlyClose,
        Self::AnyOrder,
        Self::EarlyGrant,
        Self::EarlyCommit,
        Self::HalfTakenBack,
        Self::Volatile,
        Self::HalfCommitted,
    ];
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    worlds: [World; 2],
    transaction: Option<Transaction>,
    /// Both images outlive the power.
    durable: bool,
    faults: u8,
    /// Nobody answers any more.
    silent: bool,
}

/// Heartbeats are rarer than anything else.
fn limits() -> Config {
    Config {
        beat: 200,
        ..config()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Move {
    /// Something that costs nothing, of one component.
    Free(usize, Event),
    /// A fault of one component, of which there are only so many.
    Fault(usize, Event),
    /// Both images outlive the power.
    Kept,
    /// They cannot be kept.
    NotKept,
    /// Nothing of this component happens until its deadline.
    Wait(usize),
}

impl Pair {
    /// The second component has firmware if `firmware`.
    fn new(mutant: Mutant, store: bool, firmware: bool, faults: u8) -> Self {
        let world = |firmware| {
            let mut world = World::with(limits(), store, firmware, (0, 0, 0), false);
            while !(world.at_rest() && world.device == Device::Running) {
                let event = walk::answer(&world).expect("the factory image starts");
                world.give(None::None, 0, event);
            }
            world
        };
        let mut pair = Self {
            worlds: [world(false), world(firmware)],
            transaction: Option::None,
            durable: false,
            faults,
            silent: false,
        };
        let (client, handle) = (ALLOWED, HANDLE);
        let offer = Event::Offer {
            client,
            allowed: true,
            handle,
        };
        pair.give(mutant, 0, offer);
        pair.give(mutant, 0, Event::Confirm { client, handle });
        pair
    }

    fn store(&self) -> bool {
        self.worlds[0].store
    }

    fn give(&mut self, mutant: Mutant, member: usize, event: Event) {
        let begins =
            member == 0 && matches!(event, Event::Verified { .. }) && self.transaction.is_none();
        if begins {
            self.worlds[0].give(None::None, 0, Event::Join(ALLOWED));
            let store = self.store() && mutant != Mutant::Volatile;
            self.transaction = Some(Transaction::new(ALLOWED, 0, 0b11, store));
        }
        self.worlds[member].give(None::None, 0, event);
        if let Event::GateClosed(0) = event {
            self.worlds[member].give(None::None, 0, Event::GateClosed(1));
        }
        self.drive(mutant);
        self.own_work(mutant);
        self.check();
    }

    /// What comes at once.
    fn own_work(&mut self, mutant: Mutant) {
        for member in 0..2 {
            let world = &mut self.worlds[member];
            while let Some(arena) = world.clearing.iter().position(|c| *c) {
                world.give(None::None, 0, Event::ArenaCleared(arena as u8));
            }
            let holder = world.holder.filter(|h| !h.suspended && !self.silent);
            if let (true, Some(holder)) = (world.beat, holder) {
                world.give(None::None, 0, Event::Beat(holder.generation));
            }
        }
        self.drive(mutant);
    }

    /// Gives the machines what the transaction wants.
    fn drive(&mut self, mutant: Mutant) {
        for _ in 0..40 {
            let Some(transaction) = &mut self.transaction else {
                return;
            };
            let stands = [0, 1].map(|n| self.worlds[n].machine.stand());
            let early = match mutant {
                Mutant::EarlyClose => stands.iter().position(|s| *s == Stand::At(Barrier::Staged)),
                Mutant::EarlyGrant => stands.iter().position(|s| *s == Stand::At(Barrier::Denied)),
                Mutant::EarlyCommit => {
                    let waits = |s: &Stand| [Stand::Passed, Stand::Keeping].contains(s);
                    stands.iter().position(waits)
                }
                _ => Option::None,
            };
            let next = match early {
                Some(n) if stands[n] == Stand::Keeping => Some((n as u8, Event::Kept)),
                Some(n) => Some((n as u8, Event::Proceed)),
                Option::None => transaction.next(|n| stands[usize::from(n)]),
            };
            let Some((member, event)) = next else {
                return;
            };
            let mut member = usize::from(member);
            match (mutant, event) {
                (Mutant::HalfTakenBack, Event::TakeBack) => continue,
                (Mutant::HalfCommitted, Event::Kept) if member == 1 => continue,
                (Mutant::AnyOrder, Event::Proceed) => member = 1 - member,
                _ => {}
            }
            self.worlds[member].give(None::None, 0, event);
            self.look();
        }
        self.worlds[0].rule(false, "the transaction comes to no rest");
    }

    /// The rules between two events of one step.
    fn look(&mut self) {
        let stands = [0, 1].map(|n| self.worlds[n].machine.stand());
        let denied = stands.map(|s| s == Stand::At(Barrier::Denied));
        let first_is_old = self.worlds[0].holder.is_some_and(|h| h.slot == 0);
        let in_order = !denied[1] || !first_is_old;
        self.rule(in_order, "denied in another order");
        for (n, stand) in stands.into_iter().enumerate() {
            let other = &self.worlds[1 - n];
            let starts = stand != Stand::Away && self.worlds[n].machine.phase() == Phase::Starting;
            let held = other.holder.is_some_and(|h| h.slot == 0);
            self.rule(!starts || !held, "granted before all were denied");
            let disturbed = stand != Stand::Away
                && matches!(
                    self.worlds[n].machine.phase(),
                    Phase::Closing { .. } | Phase::Stopping
                );
            let built = !matches!(
                self.worlds[1 - n].machine.phase(),
                Phase::Verifying | Phase::Waiting | Phase::Building | Phase::Transferring
            );
            self.rule(!disturbed || built, "disturbed before all were staged");
        }
    }

    /// The rules between two steps.
    fn check(&mut self) {
        let [first, second] = &self.worlds;
        let runs = |world: &World, new: bool| {
            let holder = world.holder.filter(|h| !h.suspended);
            holder.is_some_and(|h| (h.slot != 0) == new)
        };
        let mixed =
            runs(first, true) && runs(second, false) || runs(first, false) && runs(second, true);
        let slots = [first, second].map(|w| w.committed.slot);
        let volatile = self.store() && !self.durable && slots[0] != 0;
        self.rule(!mixed, "a new image runs beside an old one");
        self.rule(
            slots[0] == slots[1],
            "one is committed and the other is not",
        );
        self.rule(!volatile, "committed what does not outlive the power");
    }

    fn rule(&mut self, holds: bool, text: &'static str) {
        self.worlds[0].rule(holds, text);
    }

    fn broken(&self) -> Option<&'static str> {
        self.worlds.iter().find_map(|w| w.broken)
    }

    /// Both images are being kept, and it is still wanted.
    fn keeps(&self) -> bool {
        self.store() && self.worlds.iter().all(|w| w.keeping.is_some())
    }

    fn kept(&mut self, mutant: Mutant) {
        self.durable = true;
        for world in &mut self.worlds {
            world.kept = world.keeping.take();
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.kept();
        }
        self.drive(mutant);
        self.own_work(mutant);
        self.check();
    }

    fn not_kept(&mut self, mutant: Mutant) {
        for world in &mut self.worlds {
            world.keeping = Option::None;
        }
        self.give(mutant, 0, Event::KeepFailed(Reason::StoreFull));
    }

    fn deadline(&self, member: usize) -> Option<u64> {
        self.worlds[member].machine.deadline()
    }

    fn wait(&mut self, mutant: Mutant, member: usize, wait: u64) {
        self.worlds[member].machine.rebase(wait);
        self.give(mutant, member, Event::Tick);
    }

    /// What one component may say next, that costs nothing.
    fn answers(&self, member: usize) -> Vec<Event> {
        let world = &self.worlds[member];
        let mut events = Vec::new();
        match world.stage {
            Some(StageJob::Verify { .. }) => events.push(Event::Verified {
                sequence: 11,
                digest: [5 + member as u64; 4],
            }),
            Some(StageJob::Build) => events.push(Event::Built),
            Option::None => {}
        }
        if world.device == Device::Stopping {
            events.push(Event::Stopped);
        }
        if world.gates != 0 {
            // Both of them.
            events.push(Event::GateClosed(0));
        }
        let Some(holder) = world.holder.filter(|h| !h.suspended) else {
            return events;
        };
        let generation = holder.generation;
        if !holder.ready {
            events.push(Event::Ready(generation));
        }
        if world.transferring.is_some() && world.machine.phase() == Phase::Transferring {
            events.push(Event::Transferred(generation));
        }
        if world.quiesce {
            events.push(Event::Quiesced(generation));
        }
        if world.machine.phase() == Phase::Probation && world.machine.stand() != Stand::Passed {
            events.push(Event::Health {
                generation,
                completions: 4,
                errors: 0,
                expected: 0,
                owed: 0,
            });
        }
        events
    }

    fn faults(&self, member: usize) -> Vec<Event> {
        let world = &self.worlds[member];
        let mut events = vec![Event::Freeze(true)];
        if world.stage.is_some() {
            events.push(Event::StageFailed(Reason::BuildFailed));
        }
        if member == 1 && world.machine.phase() == Phase::Idle && self.transaction.is_none() {
            // It is busy when the other one wants to begin.
            events.push(Event::Offer {
                client: ALLOWED,
                allowed: true,
                handle: HANDLE,
            });
        }
        if let Some(holder) = world.holder {
            events.push(Event::Failed {
                generation: holder.generation,
                reason: Reason::Fault,
            });
            if world.transferring.is_some() {
                events.push(Event::TransferFailed(holder.generation));
            }
        }
        events
    }

    fn at_rest(&self) -> bool {
        self.worlds.iter().all(World::at_rest)
    }

    /// Nobody answers any more, except that `update` finishes its own work.
    fn silence(&self, mutant: Mutant) -> bool {
        let mut pair = self.clone();
        pair.silent = true;
        let limits = limits();
        let once = 3 * limits.stage
            + limits.quiesce
            + limits.stop
            + limits.ready
            + limits.probation
            + KEEP
            + 2 * TRANSFER;
        // Each machine may have to wait for the other one.
        let left = 2 * (once + 3 * limits.beat) * (u64::from(limits.attempts) + 2);
        let mut left = [left; 2];
        for step in 0..400 {
            if pair.broken().is_some() {
                return false;
            }
            let out = |w: &World| matches!(w.machine.phase(), Phase::OutOfService(_));
            if pair.at_rest() && pair.worlds.iter().all(out) {
                return true;
            }
            // A member without a deadline waits for the other one.
            let waits = [step % 2, 1 - step % 2].map(|n| pair.deadline(n).map(|wait| (n, wait)));
            let Some((member, wait)) = waits[0].or(waits[1]) else {
                return false;
            };
            let Some(rest) = left[member].checked_sub(wait) else {
                return false;
            };
            left[member] = rest;
            pair.wait(mutant, member, wait);
        }
        false
    }

    /// Everybody answers well and at once: it must end with both devices served.
    fn kindness(&self, mutant: Mutant) -> bool {
        let mut pair = self.clone();
        for step in 0..400 {
            if pair.broken().is_some() {
                return false;
            }
            if pair.keeps() {
                pair.kept(mutant);
                continue;
            }
            let answer = |n: usize| pair.answers(n).first().map(|event| (n, *event));
            if let Some((member, event)) = answer(0).or_else(|| answer(1)) {
                pair.give(mutant, member, event);
                continue;
            }
            let serves = |w: &World| {
                matches!(w.machine.phase(), Phase::OutOfService(_))
                    || w.device == Device::Running
                        && w.holder.is_some_and(|h| h.ready && !h.suspended)
            };
            if pair.at_rest() {
                return pair.worlds.iter().all(serves);
            }
            let waits = |n: usize| pair.deadline(n).map(|wait| (n, wait));
            let next = waits(step % 2).or_else(|| waits(1 - step % 2));
            let Some((member, wait)) = next else {
                return false;
            };
            pair.wait(mutant, member, wait);
        }
        false
    }
}

struct Explorer {
    mutant: Mutant,
    store: bool,
    firmware: bool,
    faults: u8,
}

impl Model for Explorer {
    type State = Pair;
    type Action = Move;

    fn init_states(&self) -> Vec<Pair> {
        vec![Pair::new(
            self.mutant,
            self.store,
            self.firmware,
            self.faults,
        )]
    }

    fn actions(&self, pair: &Pair, moves: &mut Vec<Move>) {
        if pair.broken().is_some() {
            return;
        }
        for member in 0..2 {
            if pair.deadline(member).is_some() {
                moves.push(Move::Wait(member));
            }
            moves.extend(
                pair.answers(member)
                    .into_iter()
                    .map(|e| Move::Free(member, e)),
            );
            if pair.faults > 0 {
                moves.extend(
                    pair.faults(member)
                        .into_iter()
                        .map(|e| Move::Fault(member, e)),
                );
            }
        }
        if pair.keeps() {
            moves.push(Move::Kept);
            moves.push(Move::NotKept);
        }
    }

    fn next_state(&self, pair: &Pair, step: Move) -> Option<Pair> {
        let mut next = pair.clone();
        match step {
            Move::Free(member, event) => next.give(self.mutant, member, event),
            Move::Fault(member, event) => {
                next.faults -= 1;
                next.give(self.mutant, member, event);
            }
            Move::Kept => next.kept(self.mutant),
            Move::NotKept => next.not_kept(self.mutant),
            Move::Wait(member) => next.wait(self.mutant, member, pair.deadline(member)?),
        }
        (next != *pair).then_some(next)
    }

    fn within_boundary(&self, pair: &Pair) -> bool {
        pair.worlds
            .iter()
            .all(|w| w.last_granted.is_none_or(|g| g < 3))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RULES[0], |_, pair: &Pair| pair.broken().is_none()),
            Property::always(RULES[1], |model: &Self, pair: &Pair| {
                pair.silence(model.mutant)
            }),
            Property::always(RULES[2], |model: &Self, pair: &Pair| {
                pair.kindness(model.mutant)
            }),
            Property::sometimes("both are committed", |_, pair: &Pair| {
                pair.at_rest() && pair.worlds.iter().all(|w| w.committed.slot != 0)
            }),
            Property::sometimes("both are rolled back", |_, pair: &Pair| {
                let back = |w: &World| {
                    w.committed.slot == 0
                        && w.last_granted == Some(2)
                        && w.device == Device::Running
                };
                pair.at_rest() && pair.worlds.iter().all(back)
            }),
        ]
    }
}

fn hold(store: bool, firmware: bool) {
    let checker = Explorer {
        mutant: Mutant::None,
        store,
        firmware,
        faults: if crate::deep() { 2 } else { 1 },
    }
    .checker()
    .spawn_bfs()
    .join();
    holds(&checker, RULES, "of two components", Pair::broken);
}

#[test]
fn two_components_are_new_or_old_together() {
    hold(false, false);
}

#[test]
fn two_components_are_new_or_old_together_with_a_store() {
    hold(true, false);
}

#[test]
fn two_components_are_new_or_old_together_with_firmware() {
    hold(false, true);
}

#[test]
fn every_mutant_of_the_transaction_breaks_a_rule() {
    for mutant in Mutant::ALL {
        let checker = Explorer {
            mutant,
            store: matches!(mutant, Mutant::Volatile | Mutant::HalfCommitted),
            firmware: false,
            faults: 1,
        }
        .checker()
        .spawn_bfs()
        .join();
        noticed(&checker, RULES, mutant, Pair::broken);
    }
}
