// SPDX-License-Identifier: BSD-2-Clause
//! Failed images: remembered, for a time, and each client's for itself; and a committed image that fails again and again.
#![allow(missing_docs)]

mod common;

use common::limits;
use molt_update::{Action, Config, Event, Machine, Phase, Reason, Status};

const HOUR: u64 = 3_600_000_000;

fn machine() -> Machine {
    let config = Config {
        remember: Some(HOUR),
        ..limits()
    };
    let mut machine = Machine::new(config, 1);
    machine.step(0, Event::Start);
    serve(&mut machine, 0);
    machine
}

/// The image that is being built serves.
fn serve(machine: &mut Machine, now: u64) {
    machine.step(now, Event::Built);
    machine.step(now, Event::Quiesced(machine.holder().unwrap_or(0)));
    machine.step(now, Event::Stopped);
    let holder = machine.holder().expect("somebody holds the device");
    machine.step(now, Event::Ready(holder));
}

/// An image is offered and verified. Returns why it was refused, if it was.
fn offer(machine: &mut Machine, now: u64, client: u8, digest: u64) -> Option<Reason> {
    let allowed = true;
    let handle = 7;
    machine.step(
        now,
        Event::Offer {
            client,
            allowed,
            handle,
        },
    );
    machine.step(now, Event::Confirm { client, handle });
    let digest = [digest; 4];
    let sequence = machine.committed().sequence + 1;
    let actions = machine.step(now, Event::Verified { sequence, digest });
    actions.iter().find_map(|action| match action {
        Action::Report {
            status: Status::Refused,
            reason,
            ..
        } => Some(*reason),
        _ => None,
    })
}

/// It gets the device and faults; the committed image comes back.
fn fail(machine: &mut Machine, now: u64) {
    serve(machine, now);
    let generation = machine.holder().expect("the image");
    let reason = Reason::Fault;
    machine.step(now, Event::Failed { generation, reason });
    machine.step(now, Event::Stopped);
    for arena in 0..2 {
        machine.step(now, Event::ArenaCleared(arena));
    }
    serve(machine, now);
    let generation = machine.holder().expect("the committed image");
    machine.step(now, health(generation));
    assert_eq!(machine.phase(), Phase::Idle);
}

/// After sixteen failed images every update was refused.
#[test]
fn no_number_of_failures_keeps_new_images_out() {
    let mut machine = machine();
    for digest in 0..40 {
        assert_eq!(offer(&mut machine, 0, 0, digest), None, "image {digest}");
        fail(&mut machine, 0);
    }
    assert_eq!(
        offer(&mut machine, 0, 0, 39),
        Some(Reason::FailedBefore),
        "the newest one is remembered"
    );
    assert_eq!(offer(&mut machine, 0, 1, 99), None, "another client's");
}

#[test]
fn a_failed_image_is_refused_for_an_hour() {
    let mut machine = machine();
    assert_eq!(offer(&mut machine, 0, 0, 5), None);
    fail(&mut machine, 0);
    for (now, client) in [(0, 0), (1, 1), (HOUR - 1, 0)] {
        let refused = offer(&mut machine, now, client, 5);
        assert_eq!(refused, Some(Reason::FailedBefore), "at {now}");
    }
    assert_eq!(offer(&mut machine, HOUR, 0, 5), None, "forgotten");
}

#[test]
fn another_clients_failures_are_not_forgotten_for_its_own() {
    let mut machine = machine();
    offer(&mut machine, 0, 0, 5);
    fail(&mut machine, 0);
    for digest in 10..60 {
        offer(&mut machine, 0, 1, digest);
        fail(&mut machine, 0);
    }
    assert_eq!(offer(&mut machine, 0, 1, 5), Some(Reason::FailedBefore));
}

#[test]
fn forgiven() {
    let mut machine = machine();
    offer(&mut machine, 0, 0, 5);
    fail(&mut machine, 0);
    machine.step(0, Event::Forgive);
    assert_eq!(offer(&mut machine, 0, 0, 5), None);
}

/// A single bad sector rolled a good image back.
#[test]
fn the_mediums_errors_are_no_driver_s() {
    let health = |generation, errors, expected| Event::Health {
        generation,
        completions: 3,
        errors,
        expected,
        owed: 1,
    };
    for (errors, expected, holds) in [(1, 0, true), (2, 0, false), (3, 2, true), (4, 2, false)] {
        let mut machine = machine();
        offer(&mut machine, 0, 0, 5);
        serve(&mut machine, 0);
        let generation = machine.holder().expect("the image");
        machine.step(0, health(generation, errors, expected));
        let probation = machine.phase() == Phase::Probation;
        assert_eq!(probation, holds, "{errors} errors, {expected} expected");
    }
}

/// One that failed soon after each probation was started for ever.
#[test]
fn the_committed_image_is_started_so_often_and_no_more() {
    for (pause, starts) in [(0, 5), (799, 5), (800, 9)] {
        let (mut machine, mut now) = (machine(), 0);
        let served = (0..9).take_while(|_| {
            let generation = machine.holder().expect("the committed image");
            machine.step(now, health(generation));
            now += pause;
            let reason = Reason::QueueViolation;
            machine.step(now, Event::Failed { generation, reason });
            machine.step(now, Event::Stopped);
            for arena in 0..2 {
                machine.step(now, Event::ArenaCleared(arena));
            }
            serve_again(&mut machine, now)
        });
        assert_eq!(served.count(), starts, "after {pause} us each");
    }
}

fn health(generation: u64) -> Event {
    Event::Health {
        generation,
        completions: 9,
        errors: 0,
        expected: 0,
        owed: 0,
    }
}

/// The committed image serves again, unless the component is out of service.
fn serve_again(machine: &mut Machine, now: u64) -> bool {
    machine.step(now, Event::Built);
    let Some(holder) = machine.holder() else {
        return false;
    };
    machine.step(now, Event::Ready(holder));
    machine.phase() == Phase::Idle
}
