// SPDX-License-Identifier: BSD-2-Clause
//! Scheduling contexts: budgets, periods, and who runs on whose.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{
    Cap, CapRights, IpcBuffer, MessageInfo, ObjectBlueprint, cap, cap_type,
    sys::invocation_label as label,
};
use sel4_extra::{CapExt, SchedContextExt};

use crate::{
    env::Env,
    test::{Failure, Outcome, ensure, tests},
};

// Where the kernel's own timer does not interrupt, nobody looks at the clock while the root task waits for a timeout's fault.
tests! { sched_configure_errors sched_refills sched_budget_enforced sched_round_robin
#[cfg(target_arch = "aarch64")] sched_timeout_fault
#[cfg(target_arch = "aarch64")] sched_timeout_extend
sched_consumed sched_bind_errors sched_unbind_stops sched_context_deleted sched_yield_to sched_fault_badge }

static COUNT: AtomicU64 = AtomicU64::new(0);
static OTHER: AtomicU64 = AtomicU64::new(0);

fn counter(_: &mut IpcBuffer, _: u64, _: u64) {
    loop {
        COUNT.store(COUNT.load(SeqCst) + 1, SeqCst);
    }
}

fn other_counter(_: &mut IpcBuffer, _: u64, _: u64) {
    loop {
        OTHER.store(OTHER.load(SeqCst) + 1, SeqCst);
    }
}

fn sched_configure_errors(env: &mut Env) -> Outcome {
    let context: cap::SchedContext =
        env.make_as(env.pool(), ObjectBlueprint::SchedContext { size_bits: 8 })?;
    let control = env.sched_control;
    let configure = |name: &str, budget, period, refills, flags| {
        let result =
            control.sched_control_configure_flags(context, budget, period, refills, 7, flags);
        env.note(name, result);
    };
    configure("good", 1000, 10_000, 0, 0);
    configure("budget = period", 1000, 1000, 0, 0);
    configure("budget > period", 2000, 1000, 0, 0);
    configure("8 extra refills", 1000, 10_000, 6, 0);
    configure("more than fit", 1000, 10_000, 100, 0);
    configure("flags 1", 1000, 10_000, 0, 1);
    configure("flags 2", 1000, 10_000, 0, 2);
    configure("flags of all ones", 1000, 10_000, 0, u64::MAX);
    env.note(
        "a thread",
        control.sched_control_configure_flags(env.tcb().cast(), 1000, 1000, 0, 0, 0),
    );
    env.note(
        "nothing",
        control.sched_control_configure_flags(Cap::from_bits(0), 1000, 1000, 0, 0, 0),
    );
    env.note(
        "4 words",
        control.order(
            label::SchedControlConfigureFlags,
            &[context.bits()],
            &[1000, 1000, 0, 0],
        ),
    );
    env.note(
        "no capability",
        control.order(
            label::SchedControlConfigureFlags,
            &[],
            &[1000, 1000, 0, 0, 0],
        ),
    );
    // Ranges, without the bounds that the kernel tells: they depend on its speed.
    for (name, budget, period) in [
        ("no budget", 0, 1000),
        ("no period", 0, 0),
        ("1 us", 1, 1000),
        ("budget of all ones", u64::MAX, u64::MAX),
        ("period of all ones", 1000, u64::MAX),
    ] {
        let result = control.sched_control_configure_flags(context, budget, period, 0, 0, 0);
        env.trace(format_args!("{name} {result:?}"));
    }
    Ok(())
}

/// How many extra refills a context of each size has room for.
fn sched_refills(env: &mut Env) -> Outcome {
    for size_bits in 7..=10 {
        let context: cap::SchedContext =
            env.make_as(env.pool(), ObjectBlueprint::SchedContext { size_bits })?;
        let mut most = None;
        for refills in 0..64 {
            let control = env.sched_control;
            if control
                .sched_control_configure_flags(context, 1000, 10_000, refills, 0, 0)
                .is_ok()
            {
                most = Some(refills);
            }
        }
        env.trace(format_args!("2^{size_bits} bytes: {most:?} extra refills"));
    }
    Ok(())
}

/// Of 50 ms, a thread with 2 ms out of 10 gets about a fifth.
fn sched_budget_enforced(env: &mut Env) -> Outcome {
    let context = env.sched_context(2_000, 10_000)?;
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    let round = || -> Result<_, Failure> {
        let _ = context.consumed()?;
        thread.start(counter, 0, 0)?;
        let elapsed = env.pause_us(50_000);
        thread.tcb.tcb_suspend()?;
        // One budget more than its share, and as much again for an emulator that stalls.
        Ok((context.consumed()?, elapsed / 5 + 4_000))
    };
    let (mut consumed, mut most) = round()?;
    // Where the machine's time is a busy host's, a core may stand still for longer: not every time, though.
    for _ in 0..4 {
        if consumed > most {
            (consumed, most) = round()?;
        }
    }
    env.trace(format_args!(
        "ran: {} no more than its share: {}",
        consumed >= 2_000,
        consumed <= most
    ));
    ensure!(consumed >= 2_000 && consumed <= most);
    Ok(())
}

/// Equal priorities, full budgets: both run.
fn sched_round_robin(env: &mut Env) -> Outcome {
    let contexts = [
        env.sched_context(1_000, 1_000)?,
        env.sched_context(1_000, 1_000)?,
    ];
    COUNT.store(0, SeqCst);
    OTHER.store(0, SeqCst);
    let one = env.thread_with(50, contexts[0], Cap::from_bits(0))?;
    let two = env.thread_with(50, contexts[1], Cap::from_bits(0))?;
    one.start(counter, 0, 0)?;
    two.start(other_counter, 0, 0)?;
    env.pause_us(20_000);
    one.tcb.tcb_suspend()?;
    two.tcb.tcb_suspend()?;
    let (a, b) = (contexts[0].consumed()?, contexts[1].consumed()?);
    env.trace(format_args!(
        "both ran: {}",
        COUNT.load(SeqCst) != 0 && OTHER.load(SeqCst) != 0
    ));
    ensure!(a > 1_000 && b > 1_000);
    Ok(())
}

/// A thread with a timeout endpoint says so when its budget is used up.
fn sched_timeout_fault(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let handler = env.mint(endpoint, CapRights::all(), 0x31)?;
    let reply = env.reply()?;
    let context: cap::SchedContext =
        env.make_as(env.pool(), ObjectBlueprint::SchedContext { size_bits: 8 })?;
    env.sched_control
        .sched_control_configure_flags(context, 1_000, 1_000_000, 0, 0xabc, 0)?;
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    env.expect(
        "endpoint",
        thread.tcb.tcb_set_timeout_endpoint(handler),
        Ok(()),
    )?;
    thread.start(counter, 0, 0)?;
    let (info, badge) = endpoint.recv(reply);
    let words = sel4::with_ipc_buffer(|buffer| [buffer.msg_regs()[0], buffer.msg_regs()[1]]);
    env.trace(format_args!(
        "label {} length {} badge {badge:#x} data {:#x} consumed the budget: {}",
        info.label(),
        info.length(),
        words[0],
        words[1] >= 900
    ));
    ensure!(info.label() == 5 && badge == 0x31 && words[0] == 0xabc);
    Ok(())
}

/// The handler gives a new budget and answers: the thread goes on.
fn sched_timeout_extend(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let context = env.sched_context(1_000, 1_000_000)?;
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    thread.tcb.tcb_set_timeout_endpoint(endpoint)?;
    thread.start(counter, 0, 0)?;
    for _ in 0..2 {
        let (info, _) = endpoint.recv(reply);
        let before = COUNT.load(SeqCst);
        let control = env.sched_control;
        env.note(
            "more",
            control.sched_control_configure_flags(context, 1_000, 500_000, 0, 0, 0),
        );
        reply.send(MessageInfo::new(0, 0, 0, 0));
        env.pause_us(900);
        env.trace(format_args!(
            "label {} goes on: {}",
            info.label(),
            COUNT.load(SeqCst) != before
        ));
    }
    thread.tcb.tcb_suspend()?;
    Ok(())
}

fn sched_consumed(env: &mut Env) -> Outcome {
    let context = env.sched_context(10_000, 10_000)?;
    env.trace(format_args!("unused: {}", context.consumed()?));
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    thread.start(counter, 0, 0)?;
    let elapsed = env.pause_us(5_000);
    thread.tcb.tcb_suspend()?;
    let consumed = context.consumed()?;
    env.trace(format_args!(
        "most of the time: {}",
        consumed > elapsed / 2 && consumed <= elapsed
    ));
    env.trace(format_args!("asked again: {}", context.consumed()?));
    ensure!(consumed > elapsed / 2 && consumed <= elapsed);
    Ok(())
}

fn sched_bind_errors(env: &mut Env) -> Outcome {
    let (a, b) = (
        env.sched_context(1000, 1000)?,
        env.sched_context(1000, 1000)?,
    );
    let (first, second) = (env.make::<cap_type::Tcb>()?, env.make::<cap_type::Tcb>()?);
    env.expect("bind", a.bind_tcb(first), Ok(()))?;
    env.note("bind again", a.bind_tcb(first));
    env.note("bind elsewhere", a.bind_tcb(second));
    env.note("another one", b.bind_tcb(first));
    env.note("unbind the wrong thread", a.unbind_object(second.upcast()));
    env.note("unbind", a.unbind_object(first.upcast()));
    env.note("unbind again", a.unbind_object(first.upcast()));
    env.note("unbind all", a.unbind());
    env.note("bind an endpoint", a.bind_tcb(env.sched_control.cast()));
    env.note("bind nothing", a.bind_tcb(Cap::from_bits(0)));
    let fresh: cap::SchedContext =
        env.make_as(env.pool(), ObjectBlueprint::SchedContext { size_bits: 8 })?;
    env.note("bind an unconfigured one", fresh.bind_tcb(first));
    env.note(
        "unbind oneself",
        sel4::init_thread::slot::SC
            .cap()
            .unbind_object(env.tcb().upcast()),
    );
    let copy = env.mint(a, CapRights::none(), 0)?;
    env.note("without rights", copy.bind_tcb(second));
    Ok(())
}

fn sched_unbind_stops(env: &mut Env) -> Outcome {
    let context = env.sched_context(10_000, 10_000)?;
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    thread.start(counter, 0, 0)?;
    env.pause_us(2_000);
    env.expect("unbind", context.unbind(), Ok(()))?;
    let before = COUNT.load(SeqCst);
    env.pause_us(2_000);
    env.trace(format_args!(
        "runs without: {}",
        COUNT.load(SeqCst) != before
    ));
    ensure!(COUNT.load(SeqCst) == before);
    env.expect("bind", context.bind_tcb(thread.tcb), Ok(()))?;
    env.pause_us(2_000);
    env.trace(format_args!("runs with: {}", COUNT.load(SeqCst) != before));
    thread.tcb.tcb_suspend()?;
    Ok(())
}

fn sched_context_deleted(env: &mut Env) -> Outcome {
    let context = env.sched_context(10_000, 10_000)?;
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    thread.start(counter, 0, 0)?;
    env.pause_us(2_000);
    env.expect("delete", env.at(context).delete(), Ok(()))?;
    let before = COUNT.load(SeqCst);
    env.pause_us(2_000);
    env.trace(format_args!(
        "runs without: {}",
        COUNT.load(SeqCst) != before
    ));
    let other = env.sched_context(10_000, 10_000)?;
    env.expect("bind another", other.bind_tcb(thread.tcb), Ok(()))?;
    env.pause_us(2_000);
    env.trace(format_args!("runs with: {}", COUNT.load(SeqCst) != before));
    thread.tcb.tcb_suspend()?;
    Ok(())
}

fn sched_yield_to(env: &mut Env) -> Outcome {
    let context = env.sched_context(10_000, 10_000)?;
    env.note("unbound", context.yield_to().map(|_| ()));
    let thread = env.thread_with(50, context, Cap::from_bits(0))?;
    env.note("bound, not ready", context.yield_to().map(|_| ()));
    thread.start(counter, 0, 0)?;
    env.note("ready, of lower priority", context.yield_to().map(|_| ()));
    env.note(
        "oneself",
        sel4::init_thread::slot::SC.cap().yield_to().map(|_| ()),
    );
    thread.tcb.tcb_suspend()?;
    Ok(())
}

/// The badge of a context shows in faults of the thread that runs on it.
fn sched_fault_badge(env: &mut Env) -> Outcome {
    let context: cap::SchedContext =
        env.make_as(env.pool(), ObjectBlueprint::SchedContext { size_bits: 8 })?;
    let control = env.sched_control;
    env.expect(
        "badge",
        control.sched_control_configure_flags(context, 1000, 1000, 0, 0x42, 0),
        Ok(()),
    )?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread_with(50, context, endpoint)?;
    thread.start_at(0x10, 0)?;
    let (info, badge) = endpoint.recv(reply);
    env.trace(format_args!("label {} badge {badge:#x}", info.label()));
    Ok(())
}
