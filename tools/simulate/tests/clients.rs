// SPDX-License-Identifier: BSD-2-Clause
//! A client's claims and actions hurt only that client.
#![allow(missing_docs)]

use molt_simulate::{Entry, Kind, Manner, Ram, Run, Shape, Technique, What, Wish, play};

const SECOND: u64 = 1_000_000;

fn offer(at: u64, client: usize, kind: Kind) -> Entry {
    let what = What::Offer {
        client,
        component: 0,
        kind,
        other: None,
        ahead: 1,
        then: Some(Wish::Confirm),
    };
    (at, what)
}

fn hostile(client: usize, manner: Manner) -> Entry {
    (20_000, What::Hostile { client, manner })
}

fn count(run: &Run, event: &str) -> usize {
    let event = format!(" {event} ");
    run.trace.iter().filter(|l| l.contains(&event)).count()
}

/// Plays it with some seeds, whose systems have one component without firmware, and no VMM.
fn each(script: &[Entry], check: impl Fn(&Run)) {
    let ram = Ram::new();
    let plain = |seed: &u64| {
        let shape = Shape::of(*seed);
        let hold = shape.technique == Technique::Hold;
        hold && !shape.is_pair() && !shape.firmware[0]
    };
    for seed in (0..40).filter(plain) {
        let run = play(ram, seed, script.to_vec(), None, true);
        assert_eq!(run.broken, None, "seed {seed}: {:#?}", run.trace);
        check(&run);
    }
}

/// It was told to try again whatever the fault was, and faulted for ever.
#[test]
fn a_client_that_jumps_into_its_region_is_dead_and_named() {
    let script = [hostile(2, Manner::Jumps), offer(60_000, 0, Kind::Good)];
    each(&script, |run| {
        let named = run
            .trace
            .iter()
            .filter(|l| l.contains("fault domain=third"));
        assert_eq!(named.count(), 1, "{:#?}", run.trace);
        assert_eq!(count(run, "committed"), 1, "{:#?}", run.trace);
    });
}

/// Each claim restarted the driver, until the component was out of service.
#[test]
fn a_client_that_accuses_the_driver_is_fenced() {
    let script = [hostile(2, Manner::Accuses), offer(400_000, 0, Kind::Good)];
    each(&script, |run| {
        assert_eq!(count(run, "fenced"), 1, "{:#?}", run.trace);
        assert_eq!(count(run, "out-of-service"), 0, "{:#?}", run.trace);
        assert_eq!(count(run, "committed"), 1, "{:#?}", run.trace);
    });
}

#[test]
fn a_fenced_client_is_let_in_again() {
    let forgive = What::Ring {
        client: 0,
        component: 0,
        wish: Wish::Forgive,
    };
    let honest = What::Hostile {
        client: 2,
        manner: Manner::Good,
    };
    let script = [
        hostile(2, Manner::Accuses),
        (SECOND, honest),
        (SECOND + 1, forgive),
        offer(2 * SECOND, 0, Kind::Good),
    ];
    each(&script, |run| {
        assert_eq!(count(run, "readmitted"), 1, "{:#?}", run.trace);
        let last = run.trace.iter().rposition(|l| l.contains(" closed "));
        assert!(last.is_some());
    });
}

/// `update` woke itself again and again for a line that it did not look at while a swap was being measured.
#[test]
fn an_operators_lines_wait_without_waking_anybody() {
    let script = [
        offer(60_000, 0, Kind::Good),
        (200_000, What::Types("rollback disk")),
        (200_100, What::Types("#7 list")),
    ];
    each(&script, |run| {
        assert!(run.steps < 5_000, "{} steps", run.steps);
        let answered = run.trace.iter().filter(|l| l.contains("operator #7 ok"));
        assert_eq!(answered.count(), 1, "{:#?}", run.trace);
        let back = run.trace.iter().filter(|l| l.contains("reason=operator"));
        assert_eq!(back.count(), 1, "{:#?}", run.trace);
    });
}
