// SPDX-License-Identifier: BSD-2-Clause
//! Both sides over one pair of pages.

use std::sync::atomic::{AtomicU64, Ordering};

use molt_gate::{Account, Change, ClientGate, Gate, State, Statistics, Warden};

fn page() -> Vec<AtomicU64> {
    (0..512).map(|_| AtomicU64::new(0)).collect()
}

#[test]
fn starts_closed_and_opens_with_the_generation() {
    let (down, up) = (page(), page());
    let mut warden = Warden::new(&down, &up);
    let mut gate = ClientGate::new(&down, &up, 2);
    assert!(!gate.is_open());
    assert_eq!(gate.change(), None);
    warden.open(2, 7);
    assert!(!warden.acknowledged(2));
    let change = gate.change().expect("a change");
    assert!(matches!(change, Change::Open(_, 7)));
    assert!(!gate.is_open());
    gate.acknowledge(change);
    assert!(gate.is_open() && warden.acknowledged(2) && warden.is_open(2));
}

#[test]
fn a_close_counts_before_it_is_acknowledged_and_an_old_acknowledgement_does_not() {
    let (down, up) = (page(), page());
    let mut warden = Warden::new(&down, &up);
    let mut gate = ClientGate::new(&down, &up, 0);
    warden.open(0, 1);
    gate.acknowledge(gate.change().expect("open"));
    warden.close(0);
    assert!(!gate.is_open());
    let close = gate.change().expect("close");
    // Overtaken: opened again before the client came round.
    warden.open(0, 2);
    gate.acknowledge(close);
    assert!(!warden.acknowledged(0));
    assert!(!gate.is_open());
    assert!(matches!(gate.change(), Some(Change::Open(_, 2))));
}

#[test]
fn only_an_acknowledgement_of_this_very_epoch_and_state_counts() {
    let (down, up) = (page(), page());
    let mut warden = Warden::new(&down, &up);
    warden.open(0, 1);
    warden.close(0);
    let says = |epoch, state| up[0].store(Gate { epoch, state }.to_word(), Ordering::Relaxed);
    for (epoch, state) in [
        (1, State::Closed),
        (3, State::Closed),
        (u64::MAX >> 2, State::Closed),
        (2, State::Open),
        (2, State::OutOfService),
    ] {
        says(epoch, state);
        assert!(!warden.acknowledged(0), "epoch {epoch}, {state:?}");
    }
    says(2, State::Closed);
    assert!(warden.acknowledged(0));
}

#[test]
fn out_of_service_is_neither_open_nor_forgotten() {
    let (down, up) = (page(), page());
    let mut warden = Warden::new(&down, &up);
    let mut gate = ClientGate::new(&down, &up, 0);
    warden.open(0, 1);
    gate.acknowledge(gate.change().expect("open"));
    warden.out_of_service(0);
    let change = gate.change().expect("out of service");
    assert!(matches!(change, Change::OutOfService(_)));
    assert!(!gate.is_open() && !warden.is_open(0));
    gate.acknowledge(change);
    assert!(!gate.is_open() && warden.acknowledged(0));
    assert_eq!(gate.change(), None);
}

#[test]
fn a_component_is_denied_until_its_gate_changes() {
    let (down, up) = (page(), page());
    let mut warden = Warden::new(&down, &up);
    let mut gate = ClientGate::new(&down, &up, 3);
    let follow = |gate: &mut ClientGate<'_>| gate.acknowledge(gate.change().expect("a change"));
    assert!(
        !gate.is_denied(),
        "from the start on there is nothing to be denied"
    );
    warden.open(3, 1);
    follow(&mut gate);
    warden.deny(3);
    assert!(!gate.is_denied(), "it is open");
    warden.close(3);
    warden.deny(3);
    assert!(
        !gate.is_denied(),
        "the client has not seen that it is closed"
    );
    follow(&mut gate);
    assert!(gate.is_denied());
    warden.open(3, 2);
    follow(&mut gate);
    assert!(!gate.is_denied());
    warden.close(3);
    follow(&mut gate);
    assert!(!gate.is_denied(), "the denial before was another one");
    warden.out_of_service(3);
    warden.deny(3);
    follow(&mut gate);
    assert!(!gate.is_denied());
}

#[test]
fn gates_of_components_do_not_mix_and_none_is_beyond_the_last() {
    let (down, up) = (page(), page());
    let mut warden = Warden::new(&down, &up);
    let gates = [0, 1, 8, 1000].map(|c| ClientGate::new(&down, &up, c));
    warden.open(1, 1);
    warden.open(8, 1);
    assert!(gates[0].change().is_none());
    assert!(gates[1].change().is_some());
    assert!(gates[2].change().is_none() && gates[3].change().is_none());
    assert!(!warden.acknowledged(1000));
}

#[test]
fn short_pages_do_nothing() {
    let mut warden = Warden::new(&[], &[]);
    warden.open(0, 1);
    assert!(!warden.acknowledged(0));
    assert!(ClientGate::new(&[], &[], 0).change().is_none());
}

#[test]
fn statistics_arrive() {
    let up = page();
    let down = page();
    let sent = Statistics {
        requests: 5,
        errors: 1,
        max_latency_ns: 99,
        bytes_verified: 4096,
    };
    sent.write(&up);
    assert_eq!(Warden::new(&down, &up).statistics(), sent);
}

#[test]
fn what_is_said_of_one_component_is_not_said_of_another() {
    let (down, up) = (page(), page());
    let gates = [0, 1, 8].map(|c| ClientGate::new(&down, &up, c));
    let warden = Warden::new(&down, &up);
    let said = Account {
        violations: 3,
        owed: 64,
    };
    gates[1].account(said);
    gates[2].account(said);
    assert_eq!(warden.account(1), said);
    assert_eq!(warden.account(0), Account::default());
    assert_eq!(warden.account(8), Account::default());
    // The gates are in other words.
    assert!(up[..8].iter().all(|word| word.load(Ordering::Relaxed) == 0));
}
