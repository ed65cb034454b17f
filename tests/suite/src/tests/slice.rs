// SPDX-License-Identifier: BSD-2-Clause
//! Slices of threads that take turns (budget = period): what is left of one after a wait or a preemption.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use molt_clock::Ticks;
use sel4::{Cap, IpcBuffer, MessageInfo, cap, cap_type};

use crate::{
    env::Env,
    test::{Outcome, tests},
    timer::ticks,
};

tests! { slice_after_wait slice_after_preemption }

/// The slice of both threads that take turns, in us.
const SLICE: u64 = 100;
/// Whoever sees less of the clock's going on than this, in us, has not lost the core to the other.
const GAP: u64 = SLICE / 2;
/// Eighths of its slice that the first has run when it stops for a moment.
const USED: [u64; 4] = [2, 4, 6, 7];
/// For each of them, the eighths that it ran after that before the other had the core.
static RAN: [AtomicU64; USED.len()] = [const { AtomicU64::new(0) }; USED.len()];

/// The other one.
fn other(_: &mut IpcBuffer, _: u64, _: u64) {
    loop {
        core::hint::spin_loop();
    }
}

/// Runs for so long, or until the other has had the core. Returns how long it ran.
fn run(most: Ticks) -> Ticks {
    let start = molt_clock::now();
    let mut last = start;
    loop {
        let now = molt_clock::now();
        if now.since(last) > ticks(GAP) || now.since(start) > most {
            return last.since(start);
        }
        last = now;
    }
}

/// At the start of a slice runs a part of it, does `stop`, and runs the rest.
fn first(mut stop: impl FnMut()) {
    for (used, ran) in USED.iter().zip(&RAN) {
        run(ticks(10 * SLICE));
        run(ticks(used * SLICE / 8));
        stop();
        let rest = run(ticks(10 * SLICE));
        let eighth = ticks(SLICE / 8).0;
        ran.store((rest.0 + eighth / 2) / eighth, SeqCst);
    }
}

fn waiting(buffer: &mut IpcBuffer, endpoint: u64, _: u64) {
    let endpoint = cap::Endpoint::from_bits(endpoint);
    first(|| {
        endpoint
            .with(&mut *buffer)
            .call(MessageInfo::new(0, 0, 0, 0));
    });
}

/// Answers at once, on its own time.
fn echo(buffer: &mut IpcBuffer, endpoint: u64, reply: u64) {
    let endpoint = cap::Endpoint::from_bits(endpoint);
    let reply = cap::Reply::from_bits(reply);
    endpoint.with(&mut *buffer).recv(reply);
    loop {
        let answer = MessageInfo::new(0, 0, 0, 0);
        endpoint.with(&mut *buffer).reply_recv(answer, reply);
    }
}

fn preempted(buffer: &mut IpcBuffer, notification: u64, _: u64) {
    let notification = cap::Notification::from_bits(notification);
    first(|| notification.with(&mut *buffer).signal());
}

/// Wakes, and waits again.
fn waker(buffer: &mut IpcBuffer, notification: u64, _: u64) {
    loop {
        cap::Notification::from_bits(notification)
            .with(&mut *buffer)
            .wait();
    }
}

/// Lets `body` and the other take turns.
fn turns(env: &mut Env, body: crate::thread::Body, object: u64) -> Outcome {
    let contexts = [
        env.sched_context(SLICE, SLICE)?,
        env.sched_context(SLICE, SLICE)?,
    ];
    let first = env.thread_with(50, contexts[0], Cap::from_bits(0))?;
    let second = env.thread_with(50, contexts[1], Cap::from_bits(0))?;
    second.start(other, 0, 0)?;
    first.start(body, object, 0)?;
    env.pause_us(40 * SLICE * USED.len() as u64);
    second.tcb.tcb_suspend()?;
    for (used, ran) in USED.iter().zip(&RAN) {
        env.trace(format_args!(
            "{used}/8 of a slice, then {}/8",
            ran.load(SeqCst)
        ));
    }
    Ok(())
}

/// A call that is answered at once by a thread of higher priority, on that one's time.
fn slice_after_wait(env: &mut Env) -> Outcome {
    let (endpoint, reply) = (env.make::<cap_type::Endpoint>()?, env.reply()?);
    env.thread(60)?.start(echo, endpoint.bits(), reply.bits())?;
    turns(env, waiting, endpoint.bits())
}

/// A thread of higher priority runs for a moment.
fn slice_after_preemption(env: &mut Env) -> Outcome {
    let notification = env.make::<cap_type::Notification>()?;
    env.thread(60)?.start(waker, notification.bits(), 0)?;
    turns(env, preempted, notification.bits())
}
