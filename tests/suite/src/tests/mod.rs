// SPDX-License-Identifier: BSD-2-Clause
//! The tests, by what they are about.

use crate::test::Test;

mod cnode;
mod derive;
mod ipc;
mod notification;
mod sched;
mod suspend;
mod tcb;
mod transfer;
mod untyped;

// Those with machine code of AArch64, its timer, or its translation tables.
#[cfg(target_arch = "aarch64")]
mod cost;
#[cfg(target_arch = "aarch64")]
mod fault;
#[cfg(target_arch = "aarch64")]
mod fpu;
#[cfg(target_arch = "aarch64")]
mod irq;
#[cfg(target_arch = "aarch64")]
mod page;
#[cfg(target_arch = "aarch64")]
mod preempt;
#[cfg(target_arch = "aarch64")]
mod random;
#[cfg(target_arch = "aarch64")]
mod registers;
#[cfg(target_arch = "aarch64")]
mod slice;
#[cfg(target_arch = "aarch64")]
mod vcpu;
#[cfg(target_arch = "aarch64")]
mod vspace;

/// All of them, in the order in which they run.
#[cfg(target_arch = "aarch64")]
pub const ALL: &[&[Test]] = &[
    cnode::TESTS,
    untyped::TESTS,
    derive::TESTS,
    ipc::TESTS,
    transfer::TESTS,
    notification::TESTS,
    registers::TESTS,
    suspend::TESTS,
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
/// Those for this architecture.
#[cfg(not(target_arch = "aarch64"))]
pub const ALL: &[&[Test]] = &[
    cnode::TESTS,
    untyped::TESTS,
    derive::TESTS,
    ipc::TESTS,
    transfer::TESTS,
    notification::TESTS,
    suspend::TESTS,
    tcb::TESTS,
    sched::TESTS,
];
