// SPDX-License-Identifier: BSD-2-Clause
//! Long operations poll for interrupts within a bounded number of steps, are interrupted, and finish later.

use super::machine::{CNODE, ENDPOINT, Machine, ROOT, TCB, UNTYPED};
use crate::{cap::Cap, event::Event, invocation::Label, kernel::STEPS_PER_LOOK};

const CALL: i64 = -1;

#[test]
fn a_revoke_looks_often_and_is_finished_by_its_restart() {
    const COPIES: u64 = 500;
    let mut m = Machine::new();
    let endpoint = m.make(ENDPOINT, 0);
    let first = m.free;
    for _ in 0..COPIES {
        m.copy(endpoint, 15);
    }
    let before = m.kernel.hw.polls;
    m.kernel.hw.interrupt_at_poll = Some(before + 3);
    m.prepare(Label::CNODE_REVOKE, &[endpoint, 64], &[]);
    let pc = m.kernel.context(m.root).unwrap().next_pc;
    m.syscall(CALL, u64::from(ROOT), 0);
    let gone = |m: &Machine| {
        (first..first + COPIES)
            .filter(|i| m.cap(*i).is_null())
            .count() as u64
    };
    // Cut at the third look: it restarts at the same instruction, partly done.
    assert_eq!(m.kernel.context(m.root).unwrap().next_pc, pc);
    let done = gone(&m);
    assert!(done >= 1 && done <= 4 * u64::from(STEPS_PER_LOOK), "{done}");
    m.kernel.handle(Event::Interrupt);
    m.syscall(CALL, u64::from(ROOT), 0);
    assert_eq!(gone(&m), COPIES);
    let looks = m.kernel.hw.polls - before;
    assert!(looks >= COPIES / u64::from(STEPS_PER_LOOK), "{looks}");
}

#[test]
fn clearing_memory_looks_often() {
    let mut m = Machine::new();
    let memory = m.make(UNTYPED, 20);
    let root = u64::from(ROOT);
    let child = m.make_from(memory, UNTYPED, 20, 1);
    m.revoke(memory);
    assert!(m.cap(child).is_null());
    let before = m.kernel.hw.polls;
    m.kernel.hw.most_clears = 0;
    m.kernel.hw.interrupt_at_poll = Some(before + 5);
    let to = m.free;
    let answer = m.call(
        memory,
        Label::UNTYPED_RETYPE,
        &[UNTYPED, 20, 0, 0, to, 1],
        &[root],
    );
    assert_eq!(answer.label, 0);
    assert!(m.kernel.hw.most_clears <= u64::from(STEPS_PER_LOOK));
    assert!(m.kernel.hw.polls - before >= 256 / u64::from(STEPS_PER_LOOK));
}

#[test]
fn cnodes_within_cnodes_and_threads_go_with_their_memory() {
    let mut m = Machine::new();
    let memory = m.make(UNTYPED, 20);
    let outer = m.make_from(memory, CNODE, 6, 1);
    let inner = m.make_from(memory, CNODE, 6, 1);
    let tcb = m.make_from(memory, TCB, 0, 1);
    let endpoint = m.make_from(memory, ENDPOINT, 0, 1);
    let root = u64::from(ROOT);
    // inner into outer, outer's own capability into inner: a knot.
    let into = |m: &mut Machine, node: u64, index: u64, from: u64| {
        m.ok(node, Label::CNODE_MOVE, &[index, 6, from, 64], &[root]);
    };
    let other = m.copy(outer, 15);
    into(&mut m, inner, 5, endpoint);
    into(&mut m, outer, 1, tcb);
    into(&mut m, outer, 3, inner);
    into(&mut m, other, 7, outer);
    let Cap::CNode { id, .. } = m.cap(other) else {
        panic!("no CNode")
    };
    m.revoke(memory);
    assert!(m.cap(other).is_null());
    assert!(m.kernel.slots.table(id).is_none());
    assert!(m.kernel.doomed.is_empty());
    // All of it can be had again.
    m.make_from(memory, UNTYPED, 20, 1);
}
