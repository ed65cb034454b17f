// SPDX-License-Identifier: BSD-2-Clause
//! Budgets, round robin, timeouts.

use super::machine::{ENDPOINT, Machine, REPLY, VCPU};
use crate::{
    hardware::{Interrupt, TcbId},
    invocation::Label,
};

const REPLY_RECV: i64 = -2;
const RECV: i64 = -7;
const YIELD: i64 = -11;

/// Microseconds that each of two threads and idle got in a while.
fn shares(m: &mut Machine, threads: [TcbId; 2], us: u64) -> [u64; 3] {
    let mut shares = [0; 3];
    for _ in 0..us {
        let index = match m.current() {
            Some(id) if id == threads[0] => 0,
            Some(id) if id == threads[1] => 1,
            _ => 2,
        };
        shares[index] += 1;
        m.pass(1);
    }
    shares
}

/// The root goes away for good.
fn root_sleeps(m: &mut Machine) {
    let endpoint = m.make(ENDPOINT, 0);
    let reply = m.make(REPLY, 0);
    m.syscall(RECV, endpoint, reply);
}

#[test]
fn a_budget_is_not_exceeded_in_any_period() {
    let mut m = Machine::new();
    let limited = m.sched_context(200, 1000);
    let plenty = m.sched_context(1000, 1000);
    let (a, high) = m.thread(20, limited, 0);
    let (b, low) = m.thread(10, plenty, 0);
    m.resume(a);
    m.resume(b);
    root_sleeps(&mut m);
    assert_eq!(m.current(), Some(high));
    for _ in 0..10 {
        let [high, low, idle] = shares(&mut m, [high, low], 1000);
        // Give or take the kernel's own 2 x 10 us.
        assert!((170..=220).contains(&high), "{high}");
        assert_eq!((low + high, idle), (1000, 0));
    }
}

#[test]
fn equal_priorities_take_turns() {
    let mut m = Machine::new();
    let (one, two) = (m.sched_context(1000, 1000), m.sched_context(1000, 1000));
    let (a, first) = m.thread(20, one, 0);
    let (b, second) = m.thread(20, two, 0);
    m.resume(a);
    m.resume(b);
    root_sleeps(&mut m);
    let [one, two, idle] = shares(&mut m, [first, second], 10_000);
    assert!(one.abs_diff(two) <= 1100 && idle == 0, "{one} {two}");
    // A yield hands over at once.
    let now = m.current();
    m.syscall(YIELD, 0, 0);
    assert_ne!(m.current(), now);
    m.syscall(YIELD, 0, 0);
    assert_eq!(m.current(), now);
}

#[test]
fn running_out_of_time_is_told_to_the_timeout_endpoint() {
    let mut m = Machine::new();
    let endpoint = m.make(ENDPOINT, 0);
    let reply = m.make(REPLY, 0);
    let timeout = m.mint(endpoint, 15, 9);
    let sc = m.sched_context(200, 1000);
    let (tcb, id) = m.thread(20, sc, 0);
    m.ok(tcb, Label::TCB_SET_TIMEOUT_ENDPOINT, &[], &[timeout]);
    m.resume(tcb);
    m.syscall(RECV, endpoint, reply);
    assert_eq!(m.current(), Some(id));
    m.pass(200);
    assert_eq!(m.current(), Some(m.root));
    let answer = m.answer(m.root);
    assert_eq!((answer.label, answer.badge), (5, 9));
    assert_eq!(answer.words[0], 0x77);
    assert!((180..=201).contains(&answer.words[1]), "{answer:?}");
}

#[test]
fn consumed_time_is_reported_once() {
    let mut m = Machine::new();
    let sc = m.sched_context(1000, 1000);
    let (tcb, _) = m.thread(10, sc, 0);
    let (endpoint, reply) = (m.make(ENDPOINT, 0), m.make(REPLY, 0));
    m.set_priority(1, 5);
    m.resume(tcb);
    m.pass(300);
    m.syscall(RECV, endpoint, reply);
    let used = m.ok(sc, Label::SCHED_CONTEXT_CONSUMED, &[], &[]);
    assert_eq!(used, [300]);
    assert_eq!(m.ok(sc, Label::SCHED_CONTEXT_CONSUMED, &[], &[]), [0]);
}

/// How often two vCPUs of equal priority are seen to run, one of which has this interrupt whenever it has run for 1 us. The root
/// is the handler of both.
fn turns_beside_a_storm(interrupt: Interrupt) -> [u64; 2] {
    let mut m = Machine::new();
    let (endpoint, reply) = (m.make(ENDPOINT, 0), m.make(REPLY, 0));
    let [noisy, quiet] = [(); 2].map(|()| {
        let sc = m.sched_context(100, 100);
        let (tcb, id) = m.thread(10, sc, endpoint);
        let vcpu = m.make(VCPU, 0);
        m.ok(vcpu, Label::VCPU_SET_TCB, &[], &[tcb]);
        m.resume(tcb);
        id
    });
    m.syscall(RECV, endpoint, reply);
    let mut turns = [0; 2];
    for _ in 0..10_000 {
        if m.current() == Some(m.root) {
            m.syscall(REPLY_RECV, endpoint, reply);
            continue;
        }
        m.pass(1);
        if m.current() == Some(noisy) {
            turns[0] += 1;
            m.interrupt(interrupt);
        } else if m.current() == Some(quiet) {
            turns[1] += 1;
        }
    }
    turns
}

#[test]
fn a_vcpu_that_always_has_an_interrupt_starves_nobody() {
    for interrupt in [Interrupt::VgicMaintenance, Interrupt::Vppi { irq: 27 }] {
        let [noisy, quiet] = turns_beside_a_storm(interrupt);
        assert!(
            quiet > 2500 && noisy > 2500,
            "{interrupt:?}: {noisy} {quiet}"
        );
    }
}
