// SPDX-License-Identifier: BSD-2-Clause
//! A real VMM with a guest, whose driver is replaced, with each technique of denial.
#![allow(missing_docs)]

use molt_simulate::{Entry, Flaw, Kind, Ram, Run, Seen, Technique, What, Wish, play};

const STOPS_NEVER: What = What::Stops {
    component: 0,
    takes: None,
};

fn offer(at: u64, kind: Kind) -> Entry {
    let what = What::Offer {
        client: 0,
        component: 0,
        kind,
        other: None,
        ahead: 1,
        then: Some(Wish::Confirm),
    };
    (at, what)
}

/// A system whose first driver is never built goes out of service, and the guest starts with a disk that offers nothing.
#[test]
fn a_guest_whose_disk_never_had_a_driver_does_not_use_it() {
    let ram = Ram::new();
    // Some seeds have `stage` answer before.
    let script = [(5, What::Stage(Flaw::Never))];
    let mut unused = 0;
    for seed in (0..64).filter(|seed| Technique::of(*seed) != Technique::Hold) {
        let run = play(ram, seed, script.to_vec(), None, true);
        assert_eq!(run.broken, None, "seed {seed}: {:#?}", run.trace);
        let out = run
            .trace
            .iter()
            .any(|l| l.contains(" out-of-service component=disk "));
        assert_eq!(
            out,
            run.guest.answered == 0,
            "seed {seed}: {:#?}",
            run.trace
        );
        unused += u64::from(out);
    }
    assert!(unused > 0);
}

/// Plays it with seeds of this technique. Returns what their guests have seen, all together.
fn each(technique: Technique, script: &[Entry], mut check: impl FnMut(&Run)) -> Seen {
    let ram = Ram::new();
    let mut all = Seen::default();
    for seed in (0..400).filter(|seed| Technique::of(*seed) == technique) {
        let run = play(ram, seed, script.to_vec(), None, true);
        assert_eq!(run.broken, None, "seed {seed}: {:#?}", run.trace);
        assert!(run.guest.answered > 8, "seed {seed}: {:?}", run.guest);
        check(&run);
        all.answered += run.guest.answered;
        all.stood_in += run.guest.stood_in;
        all.records += run.guest.records;
        all.pauses += run.guest.pauses;
        all.flushes += run.guest.flushes;
        all.plugged += run.guest.plugged;
        all.unplugged += run.guest.unplugged;
        all.failed += run.guest.failed;
    }
    all
}

/// An update, one that is rolled back, and a driver that ends by itself: the log comes to each next generation.
#[test]
fn a_stand_in_serves_its_guest_and_loses_nothing() {
    let script = [
        offer(60_000, Kind::Good),
        offer(260_000, Kind::FaultsLate),
        (500_000, What::Crash { component: 0 }),
    ];
    let seen = each(Technique::StandIn, &script, |run| {
        assert!(run.guest.flushes > 0, "{:?}", run.guest);
        assert_eq!(run.guest.pauses, 0);
    });
    assert!(seen.stood_in > 100 && seen.records > 50, "{seen:?}");
}

/// An update and a rollback are three absences. One that is over before the VMM has looked is no pause.
#[test]
fn a_guest_with_pause_stands_still_and_goes_on() {
    let script = [offer(60_000, Kind::Good), offer(260_000, Kind::FaultsLate)];
    let seen = each(Technique::Pause, &script, |run| {
        assert_eq!(run.guest.stood_in, 0, "nothing is answered meanwhile");
    });
    assert!(seen.pauses > 100 && seen.records == 0, "{seen:?}");
}

#[test]
fn a_guest_with_both_stands_still_once_something_waits() {
    let script = [offer(60_000, Kind::Good), offer(260_000, Kind::FaultsLate)];
    let seen = each(Technique::StandInPause, &script, |_| ());
    assert!(seen.stood_in > 50 && seen.pauses > 50, "{seen:?}");
}

fn count(run: &Run, what: &str) -> usize {
    run.trace.iter().filter(|line| line.contains(what)).count()
}

/// An update waits until the guest has given its disk up, or ends. Which of them does the seed says.
#[test]
fn a_guest_gives_its_disk_up_before_an_update_or_there_is_none() {
    let script = [offer(60_000, Kind::Good), offer(260_000, Kind::Good)];
    let (mut in_use, mut committed, mut waited) = (0, 0, 0);
    let seen = each(Technique::Unplug, &script, |run| {
        in_use += count(run, "reason=in-use");
        committed += count(run, " committed component=disk");
        waited += count(run, " admitted component=disk client=second how=admitted");
    });
    assert!(
        in_use > 10 && committed > 10 && waited > 10,
        "{in_use} {committed} {waited}"
    );
    assert!(seen.unplugged > 100 && seen.plugged > 50, "{seen:?}");
    assert_eq!(seen.failed, 0, "{seen:?}");
}

/// Its requests wait then.
#[test]
fn an_update_that_is_forced_does_not_wait_for_the_guest() {
    let force = |at| (at, What::Forces { component: 0 });
    let mut script = vec![offer(60_000, Kind::Good), offer(260_000, Kind::Good)];
    script.extend([70_000, 270_000].map(force));
    let mut forced = 0;
    let seen = each(Technique::Unplug, &script, |run| {
        forced += count(run, " admitted component=disk client=second how=forced");
        assert_eq!(count(run, "reason=in-use"), 0, "{:#?}", run.trace);
    });
    assert!(forced > 10, "{forced}");
    assert_eq!(seen.failed, 0, "{seen:?}");
}

/// Out of service: whatever the guest asks for is answered, with an error, and a guest that stands still goes on.
#[test]
fn out_of_service_nothing_waits() {
    let script = [
        (100_000, STOPS_NEVER),
        (100_001, What::Crash { component: 0 }),
    ];
    for technique in [
        Technique::StandIn,
        Technique::Pause,
        Technique::StandInPause,
        Technique::Unplug,
    ] {
        each(technique, &script, |run| {
            let out = run.trace.iter().any(|l| l.contains(" out-of-service "));
            assert!(out, "{:#?}", run.trace);
        });
    }
}
