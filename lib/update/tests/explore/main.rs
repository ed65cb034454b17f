// SPDX-License-Identifier: BSD-2-Clause
//! Every event in every state that a bounded world can bring the machine into.
//!
//! Bounded are the offers, the faults (a fault or a failure that somebody reports; silence and late or stray answers are
//! free) and the generations. From each state that is found, two ways are followed to their end: nobody answers any
//! more, and everybody answers well.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod mutant;
mod pair;
mod verdict;
mod walk;
mod world;

use molt_update::{Event, Phase, Reason};
use mutant::Mutant;
use stateright::{Checker, Model, Property};
use verdict::{holds, noticed};
use world::{DEFER, HANDLE, StageJob, World, config};

const RULES: [&str; 3] = [
    "no rule is broken",
    "ends when nobody answers",
    "ends when everybody answers",
];

/// Generations up to this number. `MOLT_EXPLORE=5`, in a release build, walks 17 million states in three minutes.
fn generations() -> u64 {
    let asked = std::env::var("MOLT_EXPLORE").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// Whether more than the usual is asked for.
fn deep() -> bool {
    std::env::var_os("MOLT_EXPLORE").is_some()
}

struct Explorer {
    mutant: Mutant,
    store: bool,
    firmware: bool,
    offers: u8,
    faults: u8,
    orders: u8,
    asks: bool,
    /// Clients may defer updates.
    defer: bool,
    /// Bit n: client n does so for as long as it has not given the device up.
    consents: u8,
    generations: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Move {
    /// Something that costs nothing.
    Free(Event),
    /// An offer, of which there are only so many.
    Offer(Event),
    /// A fault, of which there are only so many.
    Fault(Event),
    /// A command of the operator, of which there are only so many.
    Order(Event),
    /// Nothing happens until the machine's deadline.
    Wait,
}

impl Model for Explorer {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        let mut limits = config();
        if self.defer {
            limits.defer[..2].copy_from_slice(&DEFER);
            limits.consents = self.consents;
        }
        let numbers = (self.offers, self.faults, self.orders);
        vec![World::with(
            limits,
            self.store,
            self.firmware,
            numbers,
            self.asks,
        )]
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        if world.broken.is_some() {
            return;
        }
        if world.machine.deadline().is_some() {
            moves.push(Move::Wait);
        }
        if world.offers > 0 {
            for client in 0..2 {
                moves.push(Move::Offer(Event::Offer {
                    client,
                    allowed: client == 0,
                    handle: HANDLE,
                }));
            }
        }
        if matches!(world.machine.phase(), Phase::Offered { .. }) {
            for (client, handle) in [(0, HANDLE), (0, HANDLE + 1), (1, HANDLE)] {
                moves.push(Move::Free(Event::Confirm { client, handle }));
                moves.push(Move::Free(Event::Cancel { client, handle }));
            }
        }
        for client in 0..2 {
            moves.push(Move::Free(Event::GateClosed(client)));
        }
        // Whoever says it earlier has said it by then.
        if self.defer && world.is_asked_soon() {
            let second = if self.consents == 0 { 30 } else { 90 };
            for (client, until) in [(0, 0), (0, 50), (1, 0), (1, second)] {
                moves.push(Move::Free(Event::Defer { client, until }));
            }
        }
        // The one whose offer may be under way dies at a cost; the other comes and goes.
        if world.faults > 0 {
            moves.push(Move::Fault(Event::ClientGone(0)));
        }
        moves.push(Move::Free(Event::ClientGone(1)));
        moves.push(Move::Free(Event::ClientBack(1)));
        match world.stage {
            Some(StageJob::Verify { .. }) => {
                for sequence in [10, 11, 12] {
                    moves.push(Move::Free(Event::Verified {
                        sequence,
                        digest: [5; 4],
                    }));
                }
                moves.push(Move::Free(Event::Verified {
                    sequence: 13,
                    digest: [6; 4],
                }));
                for sequence in [0, 1] {
                    moves.push(Move::Free(Event::KeysVerified { sequence }));
                }
            }
            Some(StageJob::Build) => moves.push(Move::Free(Event::Built)),
            None => {}
        }
        if world.stage.is_some() && world.faults > 0 {
            moves.push(Move::Fault(Event::StageFailed(Reason::BuildFailed)));
        }
        for arena in 0..2 {
            if world.clearing[usize::from(arena)] {
                moves.push(Move::Free(Event::ArenaCleared(arena)));
            }
        }
        moves.push(Move::Free(Event::Stopped));
        if world.keeps() {
            moves.push(Move::Free(Event::Kept));
            moves.push(Move::Free(Event::KeepFailed(Reason::StoreFull)));
        }
        // Each generation there was, and one that never will be, says whatever it likes.
        let newest = world.last_granted.unwrap_or(0);
        for generation in [newest, newest.saturating_sub(1), 99] {
            moves.push(Move::Free(Event::Ready(generation)));
            moves.push(Move::Free(Event::Quiesced(generation)));
            if world.firmware {
                moves.push(Move::Free(Event::Transferred(generation)));
                moves.push(Move::Free(Event::TransferFailed(generation)));
            }
            moves.push(Move::Free(Event::Beat(generation)));
            for (completions, owed) in [(0, 2), (2, 1), (4, 0)] {
                moves.push(Move::Free(Event::Health {
                    generation,
                    completions,
                    errors: 0,
                    expected: 0,
                    owed,
                }));
            }
            if world.faults > 0 {
                moves.push(Move::Fault(Event::Failed {
                    generation,
                    reason: Reason::Fault,
                }));
                moves.push(Move::Fault(Event::Health {
                    generation,
                    completions: 9,
                    errors: 1,
                    expected: 0,
                    owed: 0,
                }));
            }
        }
        if world.faults > 0 {
            moves.push(Move::Fault(Event::Forgive));
        }
        if world.orders > 0 && self.defer {
            // The others are explored without clients that defer updates.
            let orders = [Event::Force([5; 4]), Event::Freeze(true), Event::RollBack];
            moves.extend(orders.map(Move::Order));
        } else if world.orders > 0 {
            moves.extend(
                [
                    Event::Approve([5; 4]),
                    Event::Disapprove([5; 4]),
                    Event::Freeze(true),
                    Event::Freeze(false),
                    Event::RollBack,
                    Event::Readmit,
                    Event::ForgiveImage([5; 4]),
                ]
                .map(Move::Order),
            );
        }
    }

    fn next_state(&self, world: &World, step: Move) -> Option<World> {
        let mut next = world.clone();
        match step {
            Move::Free(event) => next.give(self.mutant, 0, event),
            Move::Offer(event) => {
                next.offers -= 1;
                next.give(self.mutant, 0, event);
            }
            Move::Fault(event) => {
                next.faults -= 1;
                next.give(self.mutant, 0, event);
            }
            Move::Order(event) => {
                next.orders -= 1;
                next.give(self.mutant, 0, event);
            }
            Move::Wait => {
                let wait = next.machine.deadline()?;
                next.give(self.mutant, wait, Event::Tick);
            }
        }
        next.defer_no_more(self.mutant);
        (next != *world).then_some(next)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world
            .last_granted
            .is_none_or(|newest| newest < self.generations)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no rule is broken", |_, world: &World| {
                world.broken.is_none()
            }),
            Property::always("ends when nobody answers", |model: &Self, world: &World| {
                walk::silence(model.mutant, world)
            }),
            Property::always(
                "ends when everybody answers",
                |model: &Self, world: &World| walk::kindness(model.mutant, world),
            ),
            Property::sometimes("an update is committed", |_, world: &World| {
                world.committed.sequence > 10
            }),
            Property::sometimes(
                "the operator goes back to the image before",
                |model: &Self, world: &World| {
                    model.orders == 0
                        || model.asks
                        || world.machine.committed().slot == 0
                            && world.slots[1].is_some()
                            && world.orders == 0
                },
            ),
            Property::sometimes("a list of keys is in force", |_, world: &World| {
                world.keys != 0 && world.machine.keys() != 0
            }),
            Property::sometimes("an image is remembered as failed", |_, world: &World| {
                !world.failed.is_empty()
            }),
            Property::sometimes(
                "an update waits for both clients",
                |model: &Self, world: &World| !model.defer || world.waits_for == 0b11,
            ),
            Property::sometimes("out of service", |_, world: &World| {
                matches!(world.machine.phase(), Phase::OutOfService(_))
            }),
        ]
    }
}

#[test]
fn every_rule_holds_in_every_state() {
    hold(false, false, 0, false);
}

#[test]
fn every_rule_holds_in_every_state_with_a_store() {
    hold(true, false, 0, false);
}

#[test]
fn every_rule_holds_in_every_state_with_an_operator_and_firmware() {
    hold(false, true, 1, false);
}

#[test]
fn every_rule_holds_in_every_state_with_an_operator_and_a_store() {
    hold(true, false, 1, false);
}

#[test]
fn every_rule_holds_in_every_state_if_the_operator_has_to_approve() {
    hold(false, false, 1, true);
}

#[test]
fn every_rule_holds_in_every_state_of_a_device_with_firmware() {
    hold(false, true, 0, false);
}

#[test]
fn every_rule_holds_in_every_state_if_clients_defer_updates() {
    hold_all(false, false, 0, false, Some(0));
}

#[test]
fn every_rule_holds_in_every_state_if_a_client_has_to_give_the_device_up() {
    hold_all(false, false, 0, false, Some(0b10));
}

#[test]
fn every_rule_holds_in_every_state_if_clients_defer_what_the_operator_forces() {
    hold_all(false, false, 1, false, Some(0));
}

fn hold(store: bool, firmware: bool, orders: u8, asks: bool) {
    hold_all(store, firmware, orders, asks, None);
}

/// `defers`: clients may defer updates, and these have to give the device up, one bit each.
fn hold_all(store: bool, firmware: bool, orders: u8, asks: bool, defers: Option<u8>) {
    let checker = Explorer {
        mutant: Mutant::None,
        store,
        firmware,
        offers: if deep() { 2 } else { 1 },
        // A fault and an order in one run make too many states; what times out is free.
        faults: u8::from(orders == 0 && defers.is_none()),
        orders,
        asks,
        defer: defers.is_some(),
        consents: defers.unwrap_or(0),
        generations: generations(),
    }
    .checker()
    .spawn_bfs()
    .join();
    holds(&checker, RULES, "of one component", |w| w.broken);
    assert!(checker.unique_state_count() > 10_000);
}

#[test]
fn every_mutant_breaks_a_rule() {
    for mutant in Mutant::ALL {
        let early = mutant.of_operator() || mutant.of_firmware() || mutant.of_deferrals();
        let checker = Explorer {
            mutant,
            store: matches!(mutant, Mutant::Volatile | Mutant::VolatileKeys),
            firmware: mutant.of_firmware(),
            // Orders and transfers make many more states; what they break shows early.
            offers: if early { 1 } else { 2 },
            faults: u8::from(mutant == Mutant::Lenient),
            orders: u8::from(mutant.of_operator()),
            asks: matches!(mutant, Mutant::AnyApproval | Mutant::Unapproved),
            defer: mutant.of_deferrals(),
            consents: if mutant == Mutant::Ruthless { 0b10 } else { 0 },
            generations: if early { 2 } else { 3 },
        }
        .checker()
        .spawn_bfs()
        .join();
        noticed(&checker, RULES, mutant, |w| w.broken);
    }
}
