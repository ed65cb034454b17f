// SPDX-License-Identifier: BSD-2-Clause
//! Messages, calls, notifications and faults between threads.

use std::vec;

use super::machine::{ENDPOINT, Machine, NOTIFICATION, REPLY};
use crate::{event::Event, invocation::Label};

const CALL: i64 = -1;
const REPLY_RECV: i64 = -2;
const SEND: i64 = -5;
const NB_SEND: i64 = -6;
const RECV: i64 = -7;
const WAIT: i64 = -9;

/// A server that waits, run by the root at the same priority.
fn server(m: &mut Machine, priority: u64, passive: bool) -> (u64, u64, crate::hardware::TcbId) {
    let endpoint = m.make(ENDPOINT, 0);
    let reply = m.make(REPLY, 0);
    let sc = m.sched_context(1000, 1000);
    let (tcb, id) = m.thread(priority, sc, 0);
    m.set_priority(1, 10);
    m.resume(tcb);
    assert_eq!(m.current(), Some(id));
    m.syscall(RECV, endpoint, reply);
    assert_eq!(m.current(), Some(m.root));
    if passive {
        m.ok(sc, Label::SCHED_CONTEXT_UNBIND, &[], &[]);
    }
    (endpoint, reply, id)
}

#[test]
fn call_and_reply_carry_words_badge_and_label() {
    let mut m = Machine::new();
    let (endpoint, reply, server) = server(&mut m, 20, false);
    let badged = m.mint(endpoint, 15, 0x42);
    m.prepare(7, &[1, 2, 3, 4, 5, 6], &[]);
    m.syscall(CALL, badged, 0);
    assert_eq!(m.current(), Some(server));
    let answer = m.answer(server);
    assert_eq!(
        (answer.label, answer.badge, answer.words),
        (7, 0x42, vec![1, 2, 3, 4, 5, 6])
    );
    m.prepare(9, &[8], &[]);
    m.syscall(REPLY_RECV, endpoint, reply);
    assert_eq!(m.current(), Some(m.root));
    let answer = m.answer(m.root);
    assert_eq!((answer.label, answer.words), (9, vec![8]));
}

#[test]
fn a_passive_server_runs_on_its_callers_time() {
    let mut m = Machine::new();
    let (endpoint, reply, server) = server(&mut m, 20, true);
    for _ in 0..3 {
        m.prepare(0, &[], &[]);
        m.syscall(CALL, endpoint, 0);
        assert_eq!(m.current(), Some(server));
        assert_eq!(m.kernel.tcbs[m.root.0].sc, None);
        m.prepare(0, &[], &[]);
        m.syscall(REPLY_RECV, endpoint, reply);
        assert_eq!(m.current(), Some(m.root));
        assert_eq!(m.kernel.tcbs[server.0].sc, None);
    }
}

#[test]
fn deleting_the_reply_leaves_the_caller_inactive_with_its_time() {
    let mut m = Machine::new();
    let (endpoint, reply, server) = server(&mut m, 20, true);
    let sc = m.sched_context(1000, 1000);
    let (tcb, caller) = m.thread(15, sc, 0);
    m.resume(tcb);
    assert_eq!(m.current(), Some(caller));
    m.prepare(0, &[], &[]);
    m.syscall(CALL, endpoint, 0);
    assert_eq!(m.current(), Some(server));
    m.kernel.set_priority(server.0, 1);
    m.kernel.leave();
    assert_eq!(m.current(), Some(m.root));
    m.delete(reply);
    assert_eq!(
        m.kernel.tcbs[caller.0].state,
        crate::objects::State::Inactive
    );
    assert!(m.kernel.tcbs[caller.0].sc.is_some());
    assert_eq!(m.kernel.tcbs[server.0].sc, None);
}

#[test]
fn a_signal_wakes_a_receiver_through_its_bound_notification() {
    let mut m = Machine::new();
    let endpoint = m.make(ENDPOINT, 0);
    let reply = m.make(REPLY, 0);
    let notification = m.make(NOTIFICATION, 0);
    let sc = m.sched_context(1000, 1000);
    let (tcb, id) = m.thread(20, sc, 0);
    m.ok(tcb, Label::TCB_BIND_NOTIFICATION, &[], &[notification]);
    m.set_priority(1, 10);
    m.resume(tcb);
    m.syscall(RECV, endpoint, reply);
    let (a, b) = (m.mint(notification, 1, 1), m.mint(notification, 1, 4));
    m.syscall(SEND, a, 0);
    assert_eq!(m.current(), Some(id));
    assert_eq!(m.answer(id).badge, 1);
    // Two signals while nobody waits are one.
    m.kernel.set_priority(id.0, 5);
    m.kernel.leave();
    m.syscall(SEND, a, 0);
    m.syscall(NB_SEND, b, 0);
    m.kernel.set_priority(m.root.0, 1);
    m.kernel.leave();
    m.syscall(RECV, endpoint, reply);
    assert_eq!(m.answer(id).badge, 5);
    m.syscall(WAIT, notification, 0);
    assert_eq!(m.current(), Some(m.root));
}

#[test]
fn capabilities_travel_with_grant_and_are_unwrapped_at_their_own_endpoint() {
    let mut m = Machine::new();
    let (endpoint, _, server) = server(&mut m, 20, false);
    let notification = m.make(NOTIFICATION, 0);
    let badged = m.mint(endpoint, 15, 3);
    let place = m.free;
    m.free += 1;
    let buffer = m.kernel.buffer(server.0, true).unwrap();
    for (offset, value) in [(1000, 2), (1008, place), (1016, 64)] {
        m.kernel.hw.memory.insert(buffer + offset, value);
    }
    m.prepare(0, &[], &[badged, notification]);
    m.syscall(CALL, badged, 0);
    let info = m.kernel.context(server).unwrap().x[1];
    assert_eq!((info >> 7 & 3, info >> 9 & 7), (2, 1));
    assert_eq!(m.kernel.hw.memory[&(buffer + 976)], 3);
    assert!(m.cap(place).same_object(&m.cap(notification)));
}

#[test]
fn a_fault_reaches_the_handler_and_its_reply_restarts_the_thread() {
    let mut m = Machine::new();
    let (endpoint, reply, handler) = server(&mut m, 20, false);
    let fault = m.mint(endpoint, 15, 0x1234);
    let sc = m.sched_context(1000, 1000);
    let (tcb, id) = m.thread(15, sc, fault);
    m.ok(
        tcb,
        Label::TCB_WRITE_REGISTERS,
        &[0, 2, 0x8000, 0x9000],
        &[],
    );
    m.resume(tcb);
    assert_eq!(m.current(), Some(id));
    m.kernel.handle(Event::VmFault {
        address: 0xdead_0000,
        fsr: 0x9200_0007,
        prefetch: false,
    });
    assert_eq!(m.current(), Some(handler));
    let answer = m.answer(handler);
    assert_eq!((answer.label, answer.badge), (6, 0x1234));
    assert_eq!(answer.words, vec![0x8000, 0xdead_0000, 0, 0x9200_0007]);
    m.prepare(0, &[], &[]);
    m.syscall(REPLY_RECV, endpoint, reply);
    assert_eq!(m.current(), Some(id));
    assert_eq!(m.kernel.context(id).unwrap().next_pc, 0x8000);
    // An unknown system call: the message has the registers, the reply may change them.
    m.kernel.context_mut(id).unwrap().x[5] = 55;
    m.syscall(99, 0, 0);
    let answer = m.answer(handler);
    assert_eq!((answer.label, answer.words.len()), (2, 13));
    assert_eq!((answer.words[5], answer.words[8]), (55, 0x8000));
    assert_eq!(answer.words[12], 99);
    m.prepare(0, &[1, 2, 3, 4, 5, 6, 7, 8, 0x8004], &[]);
    m.syscall(REPLY_RECV, endpoint, reply);
    assert_eq!(m.kernel.context(id).unwrap().next_pc, 0x8004);
    assert_eq!(m.kernel.context(id).unwrap().x[5], 6);
}

#[test]
fn an_empty_slot_is_silent_to_send_and_an_error_to_call() {
    let mut m = Machine::new();
    let empty = m.free + 50;
    m.prepare(0, &[], &[]);
    m.syscall(SEND, empty, 0);
    assert_eq!(m.current(), Some(m.root));
    assert_eq!(m.call(empty, 0, &[], &[]).label, 2);
}
