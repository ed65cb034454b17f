// SPDX-License-Identifier: BSD-2-Clause
//! A good run passes, and each thing that can be wrong with it makes it fail.
#![forbid(unsafe_code)]

use molt_report::{Collector, Expectation, Kind, judge};

const GOOD: &[&str] = &[
    "molt: 10 offered client=vmm_a component=disk",
    "molt: 20 verified component=disk sequence=1 bytes=100",
    "molt: 30 denied component=disk technique=hold",
    "molt: 40 committed component=disk from=0 to=1 sequence=1",
    "molt: 50 client client=vmm_a requests=9 errors=0 max_latency=7 parked=0",
    "molt: 50 client client=vmm_b requests=8 errors=0 max_latency=7 parked=0",
    "a: result requests=9 errors=0 bytes_verified=4096 max_latency_ns=7 p99_latency_ns=7",
    "a: done",
    "b: result requests=8 errors=0 bytes_verified=4096 max_latency_ns=7 p99_latency_ns=7",
    "b: done",
];

/// What is wrong with a run in which these lines were on the console.
fn failures(console: &[&str]) -> Vec<String> {
    let guest = |name: &str| (name.to_owned(), format!("vmm_{name}"), Kind::Bare);
    let mut collector = Collector::new([guest("a"), guest("b")]);
    for line in console {
        collector.line(line);
    }
    let expected = Expectation {
        outcomes: vec!["committed".into()],
        verified: true,
        under_load: true,
        ..Expectation::default()
    };
    judge(
        &collector.summary("embedded", "virt", "release"),
        &collector,
        &expected,
    )
}

/// The good run with one text otherwise.
fn with(from: &str, to: &str) -> Vec<String> {
    let changed: Vec<String> = GOOD.iter().map(|line| line.replace(from, to)).collect();
    assert_ne!(changed, GOOD, "'{from}' is not there");
    failures(&changed.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The good run with one more line in front of the one numbered `at`.
fn and(at: usize, line: &'static str) -> Vec<String> {
    let mut console = GOOD.to_vec();
    console.insert(at, line);
    failures(&console)
}

#[test]
fn a_good_run_passes() {
    assert_eq!(failures(GOOD), [] as [&str; 0]);
}

#[test]
fn a_guest_that_does_not_end_fails() {
    let failures = with("b: done", "b: busy");
    assert_eq!(failures, ["guest 'b' did not get to its end"]);
}

#[test]
fn a_guest_that_has_to_die_fails_where_it_does_not() {
    let guest = |name: &str| (name.to_owned(), format!("vmm_{name}"), Kind::Bare);
    let mut collector = Collector::new([guest("a"), guest("b")]);
    for line in GOOD {
        collector.line(&line.replace("b: done", "b: busy"));
    }
    let summary = collector.summary("embedded", "virt", "release");
    let judged = |dead: &str| {
        let expected = Expectation {
            outcomes: vec!["committed".into()],
            verified: true,
            dead: vec![dead.into()],
            ..Expectation::default()
        };
        judge(&summary, &collector, &expected)
    };
    assert_eq!(judged("b"), [] as [&str; 0]);
    assert!(collector.finished(&["b".into()]) && !collector.finished(&[]));
    assert_eq!(
        judged("a"),
        ["guest 'b' did not get to its end", "guest 'a' did not die"]
    );
}

#[test]
fn a_guest_without_all_its_processors_fails() {
    let judged = |line: &str| {
        let guest = |name: &str| (name.to_owned(), format!("vmm_{name}"), Kind::Bare);
        let mut collector = Collector::new([guest("a"), guest("b")]);
        for line in [line].iter().chain(GOOD) {
            collector.line(line);
        }
        let expected = Expectation {
            outcomes: vec!["committed".into()],
            verified: true,
            processors: [("a".to_owned(), 4)].into(),
            ..Expectation::default()
        };
        let summary = collector.summary("embedded", "virt", "release");
        judge(&summary, &collector, &expected)
    };
    assert_eq!(judged("a: processors 4"), [] as [&str; 0]);
    let fewer = "guest 'a' runs on 3 processor(s), expected 4";
    assert_eq!(judged("a: processors 3"), [fewer]);
    let unknown = "guest 'a' runs on 0 processor(s), expected 4";
    assert_eq!(judged("b: processors 4"), [unknown]);
}

#[test]
fn an_error_fails_whoever_counts_it() {
    let failures = with(
        "a: result requests=9 errors=0",
        "a: result requests=9 errors=1",
    );
    assert_eq!(failures, ["guest 'a' saw 1 error(s)"]);
    let failures = with("vmm_b requests=8 errors=0", "vmm_b requests=8 errors=2");
    assert_eq!(failures, ["guest 'b' saw 2 error(s)"]);
}

#[test]
fn nothing_done_or_compared_fails() {
    let failures = with("requests=8", "requests=0");
    assert_eq!(failures, ["guest 'b' completed no request"]);
    let failures = with("bytes_verified=4096", "bytes_verified=0");
    assert_eq!(
        failures,
        ["guest 'a' compared nothing", "guest 'b' compared nothing"]
    );
}

#[test]
fn another_outcome_fails() {
    let failures = with(
        "committed component=disk from=0 to=1 sequence=1",
        "rolled-back component=disk failed=1 to=2 reason=fault",
    );
    assert_eq!(
        failures,
        [r#"the updates ended ["rolled back: fault"], expected ["committed"]"#]
    );
}

#[test]
fn another_reason_fails() {
    let lines = [
        "molt: 10 offered client=vmm_a component=disk",
        "molt: 20 refused client=vmm_a component=disk reason=old-sequence",
    ];
    let mut collector = Collector::new([]);
    for line in lines {
        collector.line(line);
    }
    let summary = collector.summary("embedded", "virt", "release");
    let judged = |end: &str, counted: bool| {
        let mut expected = Expectation::default();
        if counted {
            expected.counts.insert(end.to_owned(), 1);
        } else {
            expected.outcomes.push(end.to_owned());
        }
        judge(&summary, &collector, &expected)
    };
    for counted in [false, true] {
        assert_eq!(judged("refused: old-sequence", counted), [] as [&str; 0]);
        for other in ["refused", "refused: not-elf", "rolled back: old-sequence"] {
            assert_eq!(judged(other, counted).len(), 1, "{other}");
        }
    }
}

#[test]
fn a_parked_client_fails() {
    let failures = with("max_latency=7 parked=0", "max_latency=7 parked=1");
    assert_eq!(failures, ["clients were parked 2 time(s), expected 0"]);
}

#[test]
fn a_guest_that_was_done_before_the_update_fails() {
    let failures = and(3, "b: done");
    assert_eq!(failures, ["guest 'b' was done before the update was"]);
}

#[test]
fn a_broken_queue_fails() {
    let failures = and(
        3,
        "molt: 35 violation component=disk client=vmm_a what=index",
    );
    assert_eq!(failures.len(), 1, "{failures:?}");
}

#[test]
fn a_leak_fails() {
    let failures = and(
        4,
        "molt: 45 books component=disk slots=9 untypeds=64 failed=1",
    );
    assert_eq!(
        failures,
        ["'disk': the kernel disagrees with 1 entries of the books"]
    );
}

/// The one complaint about a console on which no guest was heard.
fn silence(console: &[&str]) -> String {
    match failures(console).as_slice() {
        [only] => only.clone(),
        several => panic!("{several:?}"),
    }
}

#[test]
fn a_boot_that_stops_is_told_by_its_last_sign_of_life() {
    assert!(silence(&[]).starts_with("nothing was printed, not even by the loader"));
    let loader = "loader: kernel and root task are in place";
    assert!(silence(&[loader]).starts_with("nothing was printed after the loader"));
    for line in [
        "monitor: the system could not be made: Objects, row 7: there is no memory for it",
        "molt-kernel: no root task: NoSlots",
    ] {
        let text = silence(&[loader, line]);
        assert_eq!(
            text,
            format!("the system did not start; the last line was: {line}")
        );
    }
}

#[test]
fn a_guest_that_is_over_is_not_waited_for() {
    let guest = |name: &str| (name.to_owned(), format!("vmm_{name}"), Kind::Bare);
    for (line, why) in [
        ("vmm_a: a powered off at 0x40080000 (Off)", "powered off"),
        (
            "monitor: 'vmm_a' faulted at 0x20: address 0x0, ESR 0x1",
            "faulted",
        ),
    ] {
        let mut collector = Collector::new([guest("a"), guest("b")]);
        collector.line("a: hello");
        assert!(!collector.finished(&[]));
        collector.line(line);
        assert!(collector.finished(&[]), "{line}");
        let summary = collector.summary("embedded", "virt", "release");
        let failures = judge(&summary, &collector, &Expectation::default());
        let told =
            |f: &String| f.starts_with("guest 'a' ended before it was done") && f.contains(why);
        assert!(failures.iter().any(told), "{failures:?}");
    }
    // In a good run each powers off when it is done.
    let mut collector = Collector::new([guest("a")]);
    for line in ["a: done", "vmm_a: a powered off at 0x40080000 (Off)"] {
        collector.line(line);
    }
    assert_eq!(collector.over("a"), None);
}

#[test]
fn an_update_of_firmware_is_called_so_and_has_its_times() {
    let of = |transferred: &str| {
        let mut collector = Collector::new([]);
        for line in [
            "molt: 10 offered client=a component=bmc",
            transferred,
            "molt: 30 denied component=bmc technique=hold",
            "molt: 35 blackout component=bmc generation=1 total=700 cpu=70",
            "molt: 40 committed component=bmc from=0 to=1 sequence=1",
            "molt: 40 stage component=bmc generation=1 name=transfer ns=5000",
        ] {
            collector.line(line);
        }
        let update = collector
            .summary("embedded", "virt", "release")
            .updates
            .remove(0);
        (update.kind, update.transfer_ns, update.activation_ns)
    };
    assert_eq!(
        of("molt: 20 transferred component=bmc bytes=9 other=1"),
        ("firmware".to_owned(), Some(5000), Some(700))
    );
    // The same firmware with another driver.
    assert_eq!(
        of("molt: 20 transferred component=bmc bytes=9 other=0"),
        ("driver".to_owned(), None, None)
    );
}
