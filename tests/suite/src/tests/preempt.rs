// SPDX-License-Identifier: BSD-2-Clause
//! Long operations: an interrupt is served while they run.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{Cap, CapRights, IpcBuffer, ObjectBlueprint, cap, cap_type};

use crate::{
    env::Env,
    test::{Outcome, ensure, tests},
    timer,
};

tests! { preempt_retype preempt_revoke_children preempt_revoke_copies preempt_cnode_delete preempt_budget }

/// 1 while the helper's operation runs, then 2, or 100 and the error.
static STATE: AtomicU64 = AtomicU64::new(0);

fn finish(result: sel4::Result<()>) {
    STATE.store(
        result.map_or_else(|error| 100 + u64::from(error.into_sys()), |()| 2),
        SeqCst,
    );
}

/// Makes one object of the untyped's whole size; the slot is in word 0 of the free word.
fn retype(buffer: &mut IpcBuffer, untyped: u64, slot: u64) {
    STATE.store(1, SeqCst);
    let blueprint = ObjectBlueprint::Untyped {
        size_bits: crate::env::LARGE_BITS,
    };
    let itself = cap::CNode::from_bits(2).absolute_cptr_for_self();
    let untyped = cap::Untyped::from_bits(untyped);
    finish(
        untyped
            .with(buffer)
            .untyped_retype(&blueprint, &itself, slot as usize, 1),
    );
}

fn revoke(buffer: &mut IpcBuffer, cptr: u64, _: u64) {
    STATE.store(1, SeqCst);
    let slot = cap::CNode::from_bits(2).absolute_cptr(cap::Unspecified::from_bits(cptr));
    finish(slot.with(buffer).revoke());
}

fn delete(buffer: &mut IpcBuffer, cptr: u64, _: u64) {
    STATE.store(1, SeqCst);
    let slot = cap::CNode::from_bits(2).absolute_cptr(cap::Unspecified::from_bits(cptr));
    finish(slot.with(buffer).delete());
}

/// Starts the operation, wakes while it runs, and looks whether it had ended; then waits for it.
fn interrupted(
    env: &mut Env,
    body: fn(&mut IpcBuffer, u64, u64),
    first: u64,
    second: u64,
) -> Outcome {
    STATE.store(0, SeqCst);
    let thread = env.thread(50)?;
    thread.start(body, first, second)?;
    // 200 us are over soon after its start, and long before its end.
    let late = env.pause_us(200);
    let state = STATE.load(SeqCst);
    let mut wakes = 1;
    while STATE.load(SeqCst) < 2 && wakes < 10_000 {
        env.pause_us(200);
        wakes += 1;
    }
    env.trace(format_args!(
        "interrupted: {} in the end: {}",
        state == 1,
        STATE.load(SeqCst)
    ));
    let _ = late;
    ensure!(state == 1 && STATE.load(SeqCst) == 2 && wakes > 1);
    Ok(())
}

/// The whole of it is dirty, so that it has to be cleared.
fn dirty(env: &mut Env) -> sel4::Result<cap::Untyped> {
    let large = env.large();
    let blueprint = ObjectBlueprint::Untyped {
        size_bits: crate::env::LARGE_BITS,
    };
    let slot = env.take_slots(1);
    large.untyped_retype(&blueprint, &env.cnode_itself(), slot, 1)?;
    env.at(large).revoke()?;
    Ok(large)
}

fn preempt_retype(env: &mut Env) -> Outcome {
    let large = dirty(env)?;
    let slot = env.take_slots(1);
    interrupted(env, retype, large.bits(), slot as u64)
}

fn preempt_revoke_children(env: &mut Env) -> Outcome {
    let large = env.large();
    for _ in 0..64 {
        let first = env.take_slots(256);
        let blueprint = ObjectBlueprint::Endpoint;
        large.untyped_retype(&blueprint, &env.cnode_itself(), first, 256)?;
    }
    interrupted(env, revoke, large.bits(), 0)
}

fn preempt_revoke_copies(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    for _ in 0..16_000 {
        let copy = env.slot::<cap_type::SmallPage>();
        env.at(copy).copy(&env.at(frame), CapRights::all())?;
    }
    interrupted(env, revoke, frame.bits(), 0)
}

fn preempt_cnode_delete(env: &mut Env) -> Outcome {
    let size_bits = 14;
    let node: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits })?;
    let frame = env.make::<cap_type::SmallPage>()?;
    for slot in 0..1 << size_bits {
        let inner = node.absolute_cptr_from_bits_with_depth(slot, size_bits);
        inner.copy(&env.at(frame), CapRights::all())?;
    }
    interrupted(env, delete, node.bits(), 0)
}

/// An operation that takes longer than its caller's budget goes on in the next period.
fn preempt_budget(env: &mut Env) -> Outcome {
    let large = dirty(env)?;
    let slot = env.take_slots(1);
    STATE.store(0, SeqCst);
    let context = env.sched_context(500, 2_000)?;
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    thread.start(retype, large.bits(), slot as u64)?;
    let start = molt_clock::now();
    while STATE.load(SeqCst) < 2 && molt_clock::now().since(start) < timer::ticks(5_000_000) {
        env.pause_us(1_000);
    }
    env.trace(format_args!("in the end: {}", STATE.load(SeqCst)));
    ensure!(STATE.load(SeqCst) == 2);
    Ok(())
}
