// SPDX-License-Identifier: BSD-2-Clause
//! The tests, by what they are about.

use crate::test::Test;

mod cnode;
mod cost;
mod derive;
mod fault;
mod fpu;
mod ipc;
mod irq;
mod notification;
mod page;
mod preempt;
mod random;
mod sched;
mod slice;
mod tcb;
mod transfer;
mod untyped;
mod vcpu;
mod vspace;

/// All of them, in the order in which they run.
pub const ALL: &[&[Test]] = &[
    cnode::TESTS,
    untyped::TESTS,
    derive::TESTS,
    ipc::TESTS,
    transfer::TESTS,
    notification::TESTS,
    tcb::TESTS,
    sched::TESTS,
    slice::TESTS,
    fault::TESTS,
    page::TESTS,
    vspace::TESTS,
    irq::TESTS,
    vcpu::TESTS,
    fpu::TESTS,
    preempt::TESTS,
    random::TESTS,
    cost::TESTS,
];
