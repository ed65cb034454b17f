// SPDX-License-Identifier: BSD-2-Clause
//! Clients that defer an update: how long it waits, for whom, and what it does not wait for.
#![allow(missing_docs)]

mod common;

use common::limits;
use molt_update::{Action, Barrier, Config, Event, Machine, Phase, Reason, Status, Transaction};

/// Of the clients; the third one may not defer updates.
const SPANS: [u64; 3] = [100, 300, 0];
const DIGEST: [u64; 4] = [7; 4];

fn machine() -> Machine {
    machine_with(0)
}

/// `consents`: these clients have to give the device up, one bit each.
fn machine_with(consents: u8) -> Machine {
    let mut defer = [0; 8];
    defer[..3].copy_from_slice(&SPANS);
    let config = Config {
        clients: 0b111,
        defer,
        consents,
        ..limits()
    };
    let mut machine = Machine::new(config, 1);
    machine.step(0, Event::Start);
    machine.step(0, Event::Built);
    machine.step(0, Event::Ready(0));
    pass(&mut machine, 0, 0);
    machine
}

/// A generation that runs passes probation.
fn pass(machine: &mut Machine, now: u64, generation: u64) {
    let health = Event::Health {
        generation,
        completions: 4,
        errors: 0,
        expected: 0,
        owed: 0,
    };
    machine.step(now, health);
}

/// An update that is confirmed.
fn confirm(machine: &mut Machine, now: u64) {
    let (client, handle) = (2, 1);
    let offer = Event::Offer {
        client,
        allowed: true,
        handle,
    };
    machine.step(now, offer);
    machine.step(now, Event::Confirm { client, handle });
}

/// An update up to the order to build.
fn build(machine: &mut Machine, now: u64) {
    confirm(machine, now);
    verified(machine, now);
    assert_eq!(machine.phase(), Phase::Building);
}

fn verified(machine: &mut Machine, now: u64) {
    let sequence = machine.committed().sequence + 1;
    let verified = Event::Verified {
        sequence,
        digest: DIGEST,
    };
    machine.step(now, verified);
}

fn says(machine: &mut Machine, now: u64, client: u8, until: u64) -> Vec<Action> {
    machine.step(now, Event::Defer { client, until }).to_vec()
}

fn closes(actions: &[Action]) -> bool {
    actions.contains(&Action::CloseGates)
}

fn tick(machine: &mut Machine, now: u64) -> bool {
    closes(&machine.step(now, Event::Tick))
}

#[test]
fn an_update_that_nobody_defers_goes_on_in_the_same_step() {
    let mut machine = machine();
    says(&mut machine, 0, 0, 10);
    says(&mut machine, 0, 2, u64::MAX);
    build(&mut machine, 10);
    let built = machine.step(10, Event::Built);
    assert!(closes(&built), "one's time is over, the other may not");
    assert!(
        !built
            .iter()
            .any(|action| matches!(action, Action::WaitFor(_)))
    );
}

#[test]
fn it_waits_no_longer_than_the_longest_time_from_when_it_is_ready() {
    let mut machine = machine();
    for client in 0..3 {
        says(&mut machine, 0, client, u64::MAX);
    }
    build(&mut machine, 900);
    let built = machine.step(1000, Event::Built).to_vec();
    assert!(built.contains(&Action::WaitFor(0b11)) && !closes(&built));
    let named = Action::Report {
        client: Some(2),
        status: Status::Deferred,
        reason: Reason::None,
    };
    assert!(built.contains(&named));
    assert_eq!(
        machine.deferred(),
        Some((1, 1300)),
        "it is waited for longest"
    );
    // Whatever they say.
    for now in [1050, 1100, 1150, 1299] {
        for client in 0..3 {
            assert!(!closes(&says(&mut machine, now, client, now + 500)));
        }
    }
    assert_eq!(machine.waits_for(0), None, "its time was over");
    assert!(!tick(&mut machine, 1299) && tick(&mut machine, 1300));
}

#[test]
fn who_has_let_it_pass_is_not_waited_for_again() {
    let mut machine = machine();
    says(&mut machine, 0, 0, u64::MAX);
    build(&mut machine, 0);
    machine.step(0, Event::Built);
    // Another one begins meanwhile.
    assert_eq!(says(&mut machine, 10, 1, 60), [Action::WaitFor(0b11)]);
    let left = says(&mut machine, 20, 0, 0);
    assert_eq!(left[0], Action::WaitFor(0b10));
    assert_eq!(says(&mut machine, 21, 0, u64::MAX), []);
    assert!(!tick(&mut machine, 59) && tick(&mut machine, 60));
}

#[test]
fn it_goes_on_at_once_when_the_last_one_lets_it_pass_or_is_gone() {
    for event in [
        Event::Defer {
            client: 0,
            until: 0,
        },
        Event::ClientGone(0),
    ] {
        let mut machine = machine();
        says(&mut machine, 0, 0, u64::MAX);
        build(&mut machine, 0);
        machine.step(0, Event::Built);
        assert_eq!(machine.phase(), Phase::Deferred);
        let actions = machine.step(50, event).to_vec();
        assert_eq!(actions[0], Action::WaitFor(0));
        assert!(closes(&actions), "{event:?}");
    }
}

#[test]
fn what_the_operator_forces_or_rolls_back_waits_for_nobody() {
    let mut machine = machine();
    says(&mut machine, 0, 0, u64::MAX);
    build(&mut machine, 0);
    let other = machine.step(0, Event::Force([8; 4])).to_vec();
    assert_eq!(other, [Action::Decline(Reason::NothingOffered)]);
    machine.step(0, Event::Built);
    assert_eq!(machine.phase(), Phase::Deferred);
    assert!(closes(&machine.step(5, Event::Force(DIGEST))));
    // It is granted the device, serves, and is committed; then the operator goes back.
    for event in [
        Event::Quiesced(0),
        Event::GateClosed(0),
        Event::GateClosed(1),
        Event::GateClosed(2),
    ] {
        machine.step(5, event);
    }
    machine.step(5, Event::Stopped);
    machine.step(5, Event::Ready(1));
    pass(&mut machine, 5, 1);
    assert_eq!(
        (machine.phase(), machine.committed().sequence),
        (Phase::Idle, 2)
    );
    for arena in 0..2 {
        machine.step(5, Event::ArenaCleared(arena));
    }
    machine.step(5, Event::RollBack);
    assert!(closes(&machine.step(5, Event::Built)));
}

#[test]
fn what_waits_can_be_frozen_and_a_failure_of_the_driver_ends_it() {
    for (event, status) in [
        (Event::Freeze(true), Status::Refused),
        (
            Event::Failed {
                generation: 0,
                reason: Reason::Fault,
            },
            Status::Quiesced,
        ),
    ] {
        let mut machine = machine();
        says(&mut machine, 0, 1, u64::MAX);
        build(&mut machine, 0);
        machine.step(0, Event::Built);
        let mut actions = machine.step(1, event).to_vec();
        for client in 0..3 {
            actions.extend(machine.step(1, Event::GateClosed(client)));
        }
        assert!(actions.contains(&Action::WaitFor(0)), "{event:?}");
        let reports =
            |action: &Action| matches!(action, Action::Report { status: s, .. } if *s == status);
        assert!(actions.iter().any(reports), "{event:?}: {actions:?}");
        assert_eq!((machine.deferred(), machine.candidate()), (None, None));
    }
}

/// A machine whose first and third client have to give the device up, and have not.
fn in_use() -> Machine {
    let mut machine = machine_with(0b101);
    for client in [0, 2] {
        says(&mut machine, 0, client, u64::MAX);
    }
    machine
}

fn refused(actions: &[Action], reason: Reason) -> bool {
    actions.contains(&Action::Report {
        client: Some(2),
        status: Status::Refused,
        reason,
    })
}

#[test]
fn an_update_ends_if_a_client_does_not_give_the_device_up_in_time() {
    let mut machine = in_use();
    says(&mut machine, 0, 2, 0);
    build(&mut machine, 900);
    let built = machine.step(1000, Event::Built).to_vec();
    assert!(built.contains(&Action::WaitFor(0b1)) && !closes(&built));
    assert!(!tick(&mut machine, 1099));
    let over = machine.step(1100, Event::Tick).to_vec();
    assert!(refused(&over, Reason::InUse) && over.contains(&Action::WaitFor(0)));
    assert!(!closes(&over));
    assert_eq!(machine.phase(), Phase::Idle);
}

#[test]
fn it_ends_at_once_if_the_client_has_no_time_for_that() {
    let mut machine = in_use();
    says(&mut machine, 0, 0, 0);
    build(&mut machine, 0);
    let built = machine.step(0, Event::Built).to_vec();
    assert!(refused(&built, Reason::InUse) && !closes(&built));
}

#[test]
fn it_goes_on_when_all_have_given_it_up_are_gone_or_are_forced() {
    let given = |client| Event::Defer { client, until: 0 };
    for second in [given(0), Event::ClientGone(0), Event::Force(DIGEST)] {
        let mut machine = in_use();
        machine.step(0, given(2));
        build(&mut machine, 0);
        machine.step(0, Event::Built);
        assert_eq!(machine.phase(), Phase::Deferred);
        assert!(closes(&machine.step(50, second)), "{second:?}");
    }
}

#[test]
fn it_ends_if_a_client_takes_the_device_again_while_another_is_waited_for() {
    let mut machine = machine_with(0b1);
    for client in 0..2 {
        says(&mut machine, 0, client, u64::MAX);
    }
    build(&mut machine, 0);
    machine.step(0, Event::Built);
    let given = says(&mut machine, 10, 0, 0);
    assert_eq!(given[0], Action::WaitFor(0b10));
    let taken = says(&mut machine, 20, 0, u64::MAX);
    assert!(refused(&taken, Reason::InUse));
}

#[test]
fn two_components_wait_together_for_who_defers_one_of_them() {
    let mut machines = [machine(), machine()];
    let mut transaction = Transaction::new(2, 0, 0b11, false);
    says(&mut machines[1], 0, 1, u64::MAX);
    confirm(&mut machines[0], 0);
    machines[0].step(0, Event::Join(2));
    verified(&mut machines[0], 0);
    machines[0].step(0, Event::Built);
    let mut closed = [false; 2];
    let mut drive = |machines: &mut [Machine; 2], now: u64| {
        while let Some((n, event)) = transaction.next(|n| machines[usize::from(n)].stand()) {
            let n = usize::from(n);
            closed[n] |= closes(&machines[n].step(now, event));
            if let Event::Join(_) = event {
                verified(&mut machines[n], now);
                machines[n].step(now, Event::Built);
            }
        }
        closed
    };
    drive(&mut machines, 0);
    assert_eq!(
        drive(&mut machines, 1),
        [false; 2],
        "the second is deferred"
    );
    assert_eq!(machines[0].phase(), Phase::AtBarrier(Barrier::Admitted));
    // Meanwhile another client defers the first.
    says(&mut machines[0], 10, 0, u64::MAX);
    says(&mut machines[1], 20, 1, 0);
    assert_eq!(drive(&mut machines, 20), [false; 2]);
    machines[0].step(100, Event::Tick);
    assert_eq!(drive(&mut machines, 100), [true; 2]);
}
