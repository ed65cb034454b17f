// SPDX-License-Identifier: BSD-2-Clause
//! Lists of keys: what they end, what they leave alone, and what has to wait for them.
#![allow(missing_docs)]

mod common;

use common::limits;
use molt_update::{Action, Actions, Config, Event, Machine, Phase, Reason, Status};

/// A component with an image that serves, and with a store if `keep`.
fn machine(keep: Option<u64>) -> Machine {
    let mut machine = Machine::new(config(keep), 1);
    machine.step(0, Event::Start);
    serve(&mut machine);
    machine
}

fn config(keep: Option<u64>) -> Config {
    Config {
        slots: 4,
        approved: 0b10,
        keep,
        ..limits()
    }
}

/// The image that is being built serves.
fn serve(machine: &mut Machine) {
    machine.step(0, Event::Built);
    machine.step(0, Event::Quiesced(machine.holder().unwrap_or(0)));
    machine.step(0, Event::Stopped);
    let holder = machine.holder().expect("somebody holds the device");
    machine.step(0, Event::Ready(holder));
}

fn offer(machine: &mut Machine, client: u8) -> Actions {
    let (allowed, handle) = (true, 7);
    let event = Event::Offer {
        client,
        allowed,
        handle,
    };
    machine.step(0, event)
}

/// A client's offer, up to the answer of `stage`.
fn offered(machine: &mut Machine, client: u8, answer: Event) -> Actions {
    offer(machine, client);
    machine.step(0, Event::Confirm { client, handle: 7 });
    machine.step(0, answer)
}

fn list(sequence: u64) -> Event {
    Event::KeysVerified { sequence }
}

fn bundle(sequence: u64) -> Event {
    Event::Verified {
        sequence,
        digest: [sequence; 4],
    }
}

/// The end that is reported.
fn end(actions: &Actions) -> Option<(Status, Reason)> {
    actions.iter().find_map(|action| match action {
        Action::Report { status, reason, .. } if status.is_final() => Some((*status, *reason)),
        Action::Reject { reason, .. } => Some((Status::Refused, *reason)),
        _ => None,
    })
}

const EXCHANGED: Option<(Status, Reason)> = Some((Status::KeysExchanged, Reason::None));

/// Commits an image.
fn commit(machine: &mut Machine, sequence: u64) {
    offered(machine, 0, bundle(sequence));
    serve(machine);
    let generation = machine.holder().expect("the image");
    let health = Event::Health {
        generation,
        completions: 9,
        errors: 0,
        expected: 0,
        owed: 0,
    };
    machine.step(0, health);
    machine.step(0, Event::Kept);
    for arena in 0..2 {
        machine.step(0, Event::ArenaCleared(arena));
    }
    assert_eq!(machine.committed().sequence, sequence);
}

#[test]
fn a_list_is_in_force_at_once_and_disturbs_nothing() {
    let mut machine = machine(None);
    let holder = machine.holder();
    let actions = offered(&mut machine, 0, list(4));
    assert_eq!((actions.len(), end(&actions)), (1, EXCHANGED));
    assert_eq!((machine.keys(), machine.phase()), (4, Phase::Idle));
    assert_eq!(
        (machine.holder(), machine.committed().sequence),
        (holder, 1)
    );
}

#[test]
fn an_older_list_and_the_same_one_again_are_refused() {
    let mut machine = machine(None);
    assert_eq!(end(&offered(&mut machine, 0, list(4))), EXCHANGED);
    for sequence in [0, 3, 4] {
        let refused = end(&offered(&mut machine, 0, list(sequence)));
        assert_eq!(refused, Some((Status::Refused, Reason::OldKeys)));
        assert_eq!(machine.keys(), 4);
    }
    assert_eq!(end(&offered(&mut machine, 0, list(5))), EXCHANGED);
}

#[test]
fn with_a_store_a_list_is_in_force_when_it_is_kept() {
    let mut machine = machine(Some(60));
    let actions = offered(&mut machine, 0, list(4));
    assert!(matches!(actions[..], [Action::KeepKeys { client: 0, .. }]));
    assert_eq!(machine.keys(), 0);
    assert_eq!(end(&machine.step(0, Event::Kept)), EXCHANGED);
    assert_eq!(machine.keys(), 4);
}

#[test]
fn a_list_that_cannot_be_kept_is_not_in_force_and_may_be_offered_again() {
    for failure in [Event::KeepFailed(Reason::StoreFull), Event::Tick] {
        let mut machine = machine(Some(60));
        offered(&mut machine, 0, list(4));
        let (status, _) = end(&machine.step(60, failure)).expect("an end");
        assert_eq!((status, machine.keys()), (Status::Refused, 0));
        // Too late.
        assert_eq!(machine.step(61, Event::Kept).len(), 0);
        assert_eq!(machine.keys(), 0);
        offered(&mut machine, 0, list(4));
        assert_eq!(end(&machine.step(62, Event::Kept)), EXCHANGED);
    }
}

#[test]
fn a_driver_that_fails_while_a_list_is_kept_is_not_blamed_on_the_list() {
    let mut machine = machine(Some(60));
    let generation = machine.holder().expect("a driver");
    offered(&mut machine, 0, list(4));
    let reason = Reason::Fault;
    let actions = machine.step(1, Event::Failed { generation, reason });
    let blames = |action: &Action| matches!(action, Action::Blame { .. });
    assert!(!actions.iter().any(blames));
    machine.step(1, Event::Stopped);
    machine.step(1, Event::ArenaCleared(0));
    machine.step(1, Event::Built);
    let holder = machine.holder().expect("the committed image");
    let actions = machine.step(1, Event::Ready(holder));
    assert_eq!(end(&actions), Some((Status::RolledBack, Reason::Fault)));
    assert_eq!(machine.keys(), 0, "its client was told so");
}

#[test]
fn no_list_comes_between_the_verification_of_an_update_and_its_end() {
    let busy = Some((Status::Refused, Reason::Busy));
    let mut machine = machine(None);
    // It waits for its client.
    offer(&mut machine, 1);
    assert_eq!(end(&offer(&mut machine, 0)), busy);
    // It waits for the operator.
    machine.step(
        0,
        Event::Confirm {
            client: 1,
            handle: 7,
        },
    );
    machine.step(0, bundle(5));
    assert_eq!(machine.phase(), Phase::Approval);
    assert_eq!(end(&offer(&mut machine, 0)), busy);
    machine.step(0, Event::Approve([5; 4]));
    assert_eq!(machine.phase(), Phase::Building);
    assert_eq!(end(&offer(&mut machine, 0)), busy);
    serve(&mut machine);
    assert_eq!(machine.phase(), Phase::Probation);
    assert_eq!(end(&offer(&mut machine, 0)), busy);
}

#[test]
fn a_list_needs_no_approval() {
    let mut machine = machine(None);
    assert_eq!(end(&offered(&mut machine, 1, list(4))), EXCHANGED);
}

#[test]
fn what_is_offered_is_verified_with_the_keys_in_force_when_it_is_confirmed() {
    let mut machine = machine(None);
    offered(&mut machine, 0, list(4));
    offer(&mut machine, 1);
    let actions = machine.step(
        0,
        Event::Confirm {
            client: 1,
            handle: 7,
        },
    );
    let told = actions.iter().find_map(|action| match action {
        Action::Verify { keys, .. } => Some(*keys),
        _ => None,
    });
    assert_eq!(told, Some(4));
}

#[test]
fn the_operator_cannot_go_back_to_an_image_from_before_the_list() {
    let mut machine = machine(None);
    commit(&mut machine, 2);
    commit(&mut machine, 3);
    assert_eq!(machine.previous().map(|image| image.sequence), Some(2));
    offered(&mut machine, 0, list(4));
    let actions = machine.step(0, Event::RollBack);
    assert_eq!(actions[..], [Action::Decline(Reason::NothingBefore)]);
}

#[test]
fn the_operator_can_go_back_to_the_factory_image_which_nobody_signed() {
    let mut machine = machine(None);
    commit(&mut machine, 2);
    offered(&mut machine, 0, list(4));
    assert_eq!(machine.previous().map(|image| image.slot), Some(0));
    machine.step(0, Event::RollBack);
    assert_eq!(machine.phase(), Phase::Building);
}

#[test]
fn what_was_in_force_before_the_start_is_in_force() {
    let mut machine = Machine::new(config(None), 1);
    machine.restore_keys(7);
    machine.step(0, Event::Start);
    serve(&mut machine);
    let refused = end(&offered(&mut machine, 0, list(7)));
    assert_eq!(refused, Some((Status::Refused, Reason::OldKeys)));
    // Only a start is the time for it.
    machine.restore_keys(3);
    assert_eq!(machine.keys(), 7);
}
