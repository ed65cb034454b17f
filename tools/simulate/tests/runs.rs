// SPDX-License-Identifier: BSD-2-Clause
//! Many runs, in which no rule is violated, and runs of mutants, in which the right rule is violated.
#![allow(missing_docs)]

use molt_simulate::{Mutant, Ram, What, play, run, simulate};

fn number(name: &str, otherwise: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// `MOLT_RUNS` and `MOLT_SEED` choose others.
#[test]
fn nothing_is_violated() {
    let (runs, seed) = (number("MOLT_RUNS", 100_000), number("MOLT_SEED", 1));
    let summary = simulate(seed, runs, 2, None, 3);
    println!(
        "{} runs from seed {seed}, {} steps",
        summary.runs, summary.steps
    );
    assert!(summary.violations.is_empty(), "{:#?}", summary.violations);
    assert_eq!(summary.runs, runs);
}

#[test]
fn each_mutant_is_noticed_by_its_rule() {
    for mutant in Mutant::ALL {
        let summary = simulate(1, 3_000, 2, Some(*mutant), 1);
        let violation = summary.violations.first();
        let rule = violation.map_or("nothing", |violation| violation.rule.as_str());
        println!("{}: {rule}, after {} runs", mutant.word(), summary.runs);
        assert!(
            mutant.noticed_by().contains(&rule),
            "{}: {violation:#?}",
            mutant.word()
        );
    }
}

/// `MOLT_SHOW` prints the trace of a seed.
#[test]
fn show() {
    if let Some(seed) = std::env::var("MOLT_SHOW").ok().and_then(|n| n.parse().ok()) {
        let run = run(Ram::new(), seed, None, 0, true);
        println!("{:#?}\n{:#?} {:?}", run.script, run.trace, run.broken);
    }
}

#[test]
fn a_seed_replays_exactly() {
    let ram = Ram::new();
    for seed in 0..20 {
        let (one, other) = (run(ram, seed, None, 0, true), run(ram, seed, None, 0, true));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.steps, other.steps, "seed {seed}");
        assert!(one.trace.iter().any(|line| line.contains(" boot ")));
    }
}

/// When a component goes out of service, a parked client gets its regions. The call that failed there was not carried out again, and
/// the client stayed parked.
#[test]
fn a_call_that_fails_when_a_parked_client_gets_its_regions_is_carried_out_again() {
    let run = run(Ram::new(), 907_026_574, None, 0, true);
    let shows = |what: &str| run.trace.iter().any(|line| line.contains(what));
    // Otherwise choices have changed, and the test needs another seed.
    assert!(
        shows(" parked ") && shows(" out-of-service "),
        "{:#?}",
        run.trace
    );
    assert_eq!(run.broken, None, "{:#?}", run.trace);
}

/// A client that is let in again has its regions from the next grant on. One that touched them before was told to try again at once,
/// for ever.
#[test]
fn a_client_that_is_let_in_again_and_touches_its_region_too_early_waits() {
    let run = run(Ram::new(), 2_000_208_385, None, 0, true);
    let readmitted = run.trace.iter().position(|l| l.contains(" readmitted "));
    let parked = run
        .trace
        .iter()
        .rposition(|l| l.contains(" parked client=third"));
    // Otherwise choices have changed, and the test needs another seed.
    assert!(
        readmitted.is_some() && readmitted < parked,
        "{:#?}",
        run.trace
    );
    assert_eq!(run.broken, None, "{:#?}", run.trace);
}

/// An update waits for one client, and meanwhile the guest of another one takes its disk again, of which nobody is notified. When the first
/// one died, the update was let pass before `update` had looked at what the other one says.
#[test]
fn a_guest_that_has_taken_its_disk_again_is_heard_before_an_update_passes() {
    let run = run(Ram::new(), 8_078_019, None, 0, true);
    let shows = |what: &str| run.trace.iter().any(|line| line.contains(what));
    // Otherwise choices have changed, and the test needs another seed.
    assert!(
        shows(" how=gone ") && shows(" deferred "),
        "{:#?}",
        run.trace
    );
    assert_eq!(run.broken, None, "{:#?}", run.trace);
}

/// It was looked at 20,000 times a second for ever.
#[test]
fn a_device_that_does_not_stop_is_not_looked_at_for_ever() {
    let script = [
        (
            100_000,
            What::Stops {
                component: 0,
                takes: None,
            },
        ),
        (100_001, What::Crash { component: 0 }),
        (2_000_000, What::Types("list")),
    ];
    let run = play(Ram::new(), 0, script.to_vec(), None, true);
    assert_eq!(run.broken, None, "{:#?}", run.trace);
    let out = run.trace.iter().any(|l| l.contains("reason=stop-timeout"));
    assert!(out, "{:#?}", run.trace);
    assert!(run.steps < 5_000, "{} steps", run.steps);
}
