// SPDX-License-Identifier: BSD-2-Clause
//! Whatever threads invoke, in whatever order, the kernel's records stay consistent and nothing panics.

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::machine::{
    CNODE, ENDPOINT, LARGE_PAGE, Machine, NOTIFICATION, PAGE_TABLE, REPLY, SCHED_CONTEXT,
    SMALL_PAGE, TCB, UNTYPED, VCPU, VSPACE,
};
use crate::{
    cap::Cap,
    event::Event,
    hardware::Interrupt,
    objects::{Queued, State},
};

/// A simple generator: the sequence depends on the seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

fn storm(seed: u64) {
    let mut dice = Dice(seed | 1);
    let mut m = Machine::new();
    // Something of everything, and a few threads that run.
    let memory = m.make(UNTYPED, 16);
    let mut caps = vec![1, 2, 3, 4, 5, 6, memory];
    for _ in 0..2 {
        for (object, bits) in [
            (ENDPOINT, 0),
            (NOTIFICATION, 0),
            (REPLY, 0),
            (CNODE, 4),
            (SMALL_PAGE, 0),
            (PAGE_TABLE, 0),
            (VSPACE, 0),
            (VCPU, 0),
            (TCB, 0),
            (SCHED_CONTEXT, 8),
        ] {
            caps.push(m.make(object, bits));
        }
    }
    caps.push(m.make(LARGE_PAGE, 0));
    caps.push(m.sched_control());
    for priority in [251, 252, 253] {
        let sc = m.sched_context(500 * (priority - 250), 2000);
        let (tcb, _) = m.thread(priority, sc, caps[7]);
        caps.extend([tcb, sc]);
        m.resume(tcb);
    }
    let slots = m.free;
    for cap in slots..slots + 12 {
        caps.push(cap);
    }
    m.free += 12;
    for _ in 0..1500 {
        let Some(thread) = m.current() else {
            match dice.roll(12) {
                0 => m.interrupt(Interrupt::Device { irq: 40 }),
                1 => m.pass(1000),
                _ => revive(&mut m, &mut dice),
            }
            check(&m);
            m.check_tlb();
            continue;
        };
        match dice.roll(20) {
            0 => m.pass(dice.roll(1500)),
            1 => m.interrupt(Interrupt::Device {
                irq: 30 + dice.roll(12) as u32,
            }),
            2 => m.interrupt(Interrupt::Vppi { irq: 27 }),
            3 => m.kernel.handle(Event::VmFault {
                address: dice.roll(1 << 40),
                fsr: 0,
                prefetch: false,
            }),
            4 => m.interrupt(Interrupt::VgicMaintenance),
            _ => invoke(&mut m, &mut dice, &caps, thread),
        }
        check(&m);
        m.check_tlb();
    }
}

/// Somebody from outside resumes a thread that has time.
fn revive(m: &mut Machine, dice: &mut Dice) {
    let count = m.kernel.tcbs.capacity() as u64;
    let id = dice.roll(count) as u32;
    if m.kernel.tcbs.get(id).is_some_and(|t| t.sc.is_some()) {
        m.kernel.resume(id);
        m.kernel.leave();
    }
}

/// A label that fits the object, mostly.
fn label_for(dice: &mut Dice, cap: Cap) -> u64 {
    let (first, last) = match cap {
        Cap::Untyped { .. } => (1, 1),
        Cap::Tcb { .. } => (2, 17),
        Cap::CNode { .. } => (18, 25),
        Cap::IrqControl => (26, 26),
        Cap::IrqHandler { .. } => (27, 29),
        Cap::SchedControl => (33, 33),
        Cap::SchedContext { .. } => (34, 38),
        Cap::VSpace { .. } => (39, 42),
        Cap::PageTable { .. } => (44, 45),
        Cap::Frame { .. } => (46, 52),
        Cap::AsidControl => (53, 53),
        Cap::AsidPool { .. } => (54, 54),
        Cap::Vcpu { .. } => (55, 59),
        _ => (0, 61),
    };
    first + dice.roll(last - first + 1)
}

/// Arguments that have a chance: slots of the root CNode where a CNode is invoked.
fn words_for(dice: &mut Dice, cap: Cap, caps: &[u64]) -> Vec<u64> {
    let any = |dice: &mut Dice| caps[dice.roll(caps.len() as u64) as usize];
    match cap {
        Cap::CNode { .. } => (0..8)
            .map(|i| if i % 2 == 0 { any(dice) } else { 64 })
            .collect(),
        Cap::Untyped { .. } => {
            let object = [0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 12][dice.roll(11) as usize];
            vec![object, 4 + dice.roll(9), 0, 0, any(dice), 1 + dice.roll(2)]
        }
        Cap::SchedControl => vec![
            100 * dice.roll(10),
            100 * dice.roll(20),
            dice.roll(5),
            7,
            dice.roll(2),
        ],
        Cap::Frame { .. } | Cap::PageTable { .. } | Cap::VSpace { .. } => {
            vec![dice.roll(8) << 12, 3, 3]
        }
        _ => (0..dice.roll(9))
            .map(|_| match dice.roll(6) {
                0 => any(dice),
                1 => 64,
                2 => dice.roll(16),
                3 => dice.roll(256),
                _ => dice.roll(4) << 12,
            })
            .collect(),
    }
}

fn invoke(m: &mut Machine, dice: &mut Dice, caps: &[u64], thread: crate::hardware::TcbId) {
    let any = |dice: &mut Dice| caps[dice.roll(caps.len() as u64) as usize];
    let cap = any(dice);
    let target = match m.kernel.lookup(thread.0, cap) {
        Ok(at) => m.kernel.slots.get(at).cap,
        Err(_) => Cap::Null,
    };
    let label = label_for(dice, target);
    let words = words_for(dice, target, caps);
    let extra: Vec<u64> = match target {
        Cap::CNode { .. } | Cap::Untyped { .. } => vec![2, 2, 2],
        Cap::Frame { .. } | Cap::PageTable { .. } => vec![3],
        _ => (0..dice.roll(4)).map(|_| any(dice)).collect(),
    };
    if m.kernel.buffer(thread.0, true).is_some() {
        m.prepare(label, &words, &extra);
    }
    if dice.roll(4) == 0 {
        m.kernel.hw.interrupt_at_poll = Some(m.kernel.hw.polls + dice.roll(20));
    }
    let number = match dice.roll(3) {
        0 => -1 - dice.roll(12).cast_signed(),
        _ => -1,
    };
    let reply = any(dice);
    if let Some(context) = m.kernel.context_mut(thread) {
        context.x[8] = reply;
    }
    m.syscall(number, cap, reply);
}

/// What must hold between any two entries.
fn check(m: &Machine) {
    let kernel = &m.kernel;
    for id in 0..kernel.tcbs.capacity() as u32 {
        let Some(tcb) = kernel.tcbs.get(id) else {
            continue;
        };
        if let Some(sc) = tcb.sc {
            assert_eq!(kernel.contexts[sc].tcb, Some(id));
        }
        if let Some(notification) = tcb.notification {
            assert_eq!(kernel.notifications[notification].bound, Some(id));
        }
        if let Some(vcpu) = tcb.vcpu {
            assert_eq!(kernel.vcpus[vcpu].tcb, Some(id));
        }
        match tcb.state {
            State::Reply { reply } => assert_eq!(kernel.replies[reply].tcb, Some(id)),
            State::Receive {
                endpoint, reply, ..
            } => {
                assert!(!kernel.endpoints[endpoint].queue.is_empty());
                if let Some(reply) = reply {
                    assert_eq!(kernel.replies[reply].tcb, Some(id));
                }
            }
            State::Send { endpoint, .. } => {
                assert!(!kernel.endpoints[endpoint].queue.is_empty());
            }
            State::Notification { notification } => {
                assert!(!kernel.notifications[notification].queue.is_empty());
            }
            State::Inactive => assert_eq!(tcb.queued, Queued::No),
            State::Running | State::Restart => {
                // Nobody who could run is forgotten.
                if kernel.schedulable(id) && kernel.current != Some(id) {
                    assert_eq!(tcb.queued, Queued::Ready, "thread {id}");
                }
            }
        }
    }
    for id in 0..kernel.contexts.capacity() as u32 {
        let Some(context) = kernel.contexts.get(id) else {
            continue;
        };
        if let Some(thread) = context.tcb {
            assert_eq!(kernel.tcbs[thread].sc, Some(id));
        }
        if let Some(reply) = context.reply {
            assert!(kernel.replies[reply].tcb.is_some());
        }
        if let Some(thread) = context.yield_from {
            assert_eq!(kernel.tcbs[thread].yield_to, Some(id));
        }
        if context.refills.active() {
            assert!(context.refills.total() <= context.refills.budget);
        }
    }
    for id in 0..kernel.replies.capacity() as u32 {
        if let Some(thread) = kernel.replies.get(id).and_then(|r| r.tcb) {
            assert!(matches!(
                kernel.tcbs[thread].state,
                State::Reply { .. } | State::Receive { .. }
            ));
        }
    }
    if let Some(current) = kernel.current {
        assert!(kernel.runnable(current));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_books_stay_right(seed in any::<u64>()) {
        storm(seed);
    }
}
