// SPDX-License-Identifier: BSD-2-Clause
//! Threads.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{
    CNodeCapData, CPtr, Cap, CapRights, IpcBuffer, MessageInfo, ObjectBlueprint, TcbFlagsBuilder,
    Word, cap, cap_type, sys::invocation_label as label,
};
use sel4_extra::{CapExt, TcbExt};

use crate::{
    env::Env,
    test::{Outcome, ensure, tests},
};

tests! { tcb_resume_blocked tcb_priorities tcb_priority_errors
tcb_configure_errors tcb_ipc_buffer_errors tcb_set_space_errors tcb_fault_endpoint_rights tcb_flags tcb_preemption tcb_yield tcb_own_cspace tcb_truncated tcb_timeout_endpoint }

static COUNT: AtomicU64 = AtomicU64::new(0);
static ORDER: AtomicU64 = AtomicU64::new(0);

/// A blocked thread that is suspended and resumed makes its call again.
fn tcb_resume_blocked(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, endpoint: u64, _: u64) {
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(MessageInfo::new(4, 0, 0, 0));
        COUNT.store(1, SeqCst);
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    COUNT.store(0, SeqCst);
    let thread = env.thread(50)?;
    thread.start(body, endpoint.bits(), 0)?;
    env.settle();
    env.note("resume while it sends", thread.tcb.tcb_resume());
    env.settle();
    env.trace(format_args!(
        "badge and label {:?}",
        label_of(endpoint.nb_recv(reply))
    ));
    env.settle();
    env.trace(format_args!("went on: {}", COUNT.load(SeqCst)));
    COUNT.store(0, SeqCst);
    thread.start(body, endpoint.bits(), 0)?;
    env.settle();
    thread.tcb.tcb_suspend()?;
    env.trace(format_args!("suspended: {:?}", endpoint.nb_recv(reply).1));
    thread.tcb.tcb_resume()?;
    env.settle();
    env.trace(format_args!(
        "resumed: {:?}",
        label_of(endpoint.nb_recv(reply))
    ));
    env.settle();
    env.trace(format_args!("went on: {}", COUNT.load(SeqCst)));
    Ok(())
}

fn label_of((info, badge): (MessageInfo, u64)) -> (u64, u64) {
    (badge, info.label())
}

/// Threads of several priorities become ready at once.
fn tcb_priorities(env: &mut Env) -> Outcome {
    fn body(_: &mut IpcBuffer, digit: u64, _: u64) {
        ORDER.store(ORDER.load(SeqCst) * 10 + digit, SeqCst);
    }
    ORDER.store(0, SeqCst);
    for (digit, priority) in [(1, 30), (2, 90), (3, 60), (4, 90), (5, 31)] {
        let thread = env.thread(priority)?;
        thread.start(body, digit, 0)?;
    }
    env.settle();
    env.trace(format_args!("order {}", ORDER.load(SeqCst)));
    // A change of priority while ready moves it.
    ORDER.store(0, SeqCst);
    let (low, high) = (env.thread(30)?, env.thread(90)?);
    low.start(body, 1, 0)?;
    high.start(body, 2, 0)?;
    low.tcb.tcb_set_priority(env.tcb(), 95)?;
    env.settle();
    env.trace(format_args!("order {}", ORDER.load(SeqCst)));
    ensure!(ORDER.load(SeqCst) == 12);
    Ok(())
}

fn tcb_priority_errors(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let weak = env.make::<cap_type::Tcb>()?;
    env.expect("mcp 10", weak.tcb_set_mc_priority(env.tcb(), 10), Ok(()))?;
    env.note("priority 10 by mcp 10", tcb.tcb_set_priority(weak, 10));
    env.note("priority 11 by mcp 10", tcb.tcb_set_priority(weak, 11));
    env.note("mcp 11 by mcp 10", tcb.tcb_set_mc_priority(weak, 11));
    env.note("priority 255", tcb.tcb_set_priority(env.tcb(), 255));
    env.note("priority 256", tcb.tcb_set_priority(env.tcb(), 256));
    env.note("mcp 256", tcb.tcb_set_mc_priority(env.tcb(), 256));
    env.note(
        "priority of all ones",
        tcb.tcb_set_priority(env.tcb(), Word::MAX),
    );
    let endpoint = env.make::<cap_type::Endpoint>()?;
    env.note(
        "an endpoint as authority",
        tcb.tcb_set_priority(endpoint.cast(), 1),
    );
    env.note(
        "nothing as authority",
        tcb.tcb_set_priority(Cap::from_bits(0), 1),
    );
    let context = env.sched_context(1000, 1000)?;
    let none = Cap::from_bits(0);
    env.note(
        "params",
        tcb.tcb_set_sched_params(env.tcb(), 1, 1, context, none),
    );
    env.note(
        "params again",
        tcb.tcb_set_sched_params(env.tcb(), 1, 1, context, none),
    );
    env.note(
        "params elsewhere",
        weak.tcb_set_sched_params(env.tcb(), 1, 1, context, none),
    );
    env.note(
        "params without",
        tcb.tcb_set_sched_params(env.tcb(), 1, 1, Cap::from_bits(0), none),
    );
    env.note(
        "then elsewhere",
        weak.tcb_set_sched_params(env.tcb(), 1, 1, context, none),
    );
    let other = env.sched_context(1000, 1000)?;
    env.note(
        "another one",
        weak.tcb_set_sched_params(env.tcb(), 1, 1, other, none),
    );
    env.note(
        "params mcp 256",
        tcb.tcb_set_sched_params(env.tcb(), 256, 1, other, none),
    );
    env.note(
        "params priority 256",
        tcb.tcb_set_sched_params(env.tcb(), 1, 256, other, none),
    );
    env.note(
        "an endpoint as context",
        tcb.tcb_set_sched_params(env.tcb(), 1, 1, endpoint.cast(), none),
    );
    env.note(
        "a context as endpoint",
        tcb.tcb_set_sched_params(env.tcb(), 1, 1, other, context.cast()),
    );
    Ok(())
}

fn tcb_configure_errors(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let frame = env.make::<cap_type::Granule>()?;
    let large = env.make::<cap_type::LargePage>()?;
    let vspace = env.make::<cap_type::VSpace>()?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let (cnode, root) = (env.cnode(), env.vspace());
    let data = || CNodeCapData::new(0, 0);
    env.note(
        "good",
        tcb.tcb_configure(cnode, data(), root, 0x1000, frame),
    );
    env.note(
        "no buffer",
        tcb.tcb_configure(cnode, data(), root, 0, Cap::from_bits(0)),
    );
    env.note(
        "address but no frame",
        tcb.tcb_configure(cnode, data(), root, 0x1000, Cap::from_bits(0)),
    );
    env.note(
        "unaligned buffer",
        tcb.tcb_configure(cnode, data(), root, 0x1008, frame),
    );
    env.note(
        "512-aligned buffer",
        tcb.tcb_configure(cnode, data(), root, 0x1200, frame),
    );
    env.note(
        "1024-aligned buffer",
        tcb.tcb_configure(cnode, data(), root, 0x1400, frame),
    );
    env.note(
        "large page",
        tcb.tcb_configure(cnode, data(), root, 0x1000, large.cast()),
    );
    env.note(
        "endpoint as frame",
        tcb.tcb_configure(cnode, data(), root, 0x1000, endpoint.cast()),
    );
    env.note(
        "endpoint as cspace",
        tcb.tcb_configure(endpoint.cast(), data(), root, 0, Cap::from_bits(0)),
    );
    env.note(
        "endpoint as vspace",
        tcb.tcb_configure(cnode, data(), endpoint.cast(), 0, Cap::from_bits(0)),
    );
    env.note(
        "vspace without an ASID",
        tcb.tcb_configure(cnode, data(), vspace, 0, Cap::from_bits(0)),
    );
    env.note(
        "no cspace",
        tcb.tcb_configure(Cap::from_bits(0), data(), root, 0, Cap::from_bits(0)),
    );
    env.note(
        "guard too long",
        tcb.tcb_configure(cnode, CNodeCapData::new(0, 50), root, 0, Cap::from_bits(0)),
    );
    let device = env.mint(frame, CapRights::read_only(), 0)?;
    env.note(
        "read-only frame",
        tcb.tcb_configure(cnode, data(), root, 0x1000, device),
    );
    Ok(())
}

fn tcb_ipc_buffer_errors(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let frame = env.make::<cap_type::Granule>()?;
    env.note("good", tcb.set_ipc_buffer(0x2000, frame));
    env.note("none", tcb.set_ipc_buffer(0, Cap::from_bits(0)));
    env.note("unaligned", tcb.set_ipc_buffer(0x2010, frame));
    env.note("address 0 with a frame", tcb.set_ipc_buffer(0, frame));
    env.note("a thread as frame", tcb.set_ipc_buffer(0x2000, tcb.cast()));
    env.note("too high", tcb.set_ipc_buffer(1 << 40, frame));
    Ok(())
}

fn tcb_set_space_errors(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let null = CPtr::from_bits(0);
    let (cnode, root) = (env.cnode(), env.vspace());
    let data = || CNodeCapData::new(0, 0);
    env.note(
        "good",
        tcb.tcb_set_space(endpoint.cptr(), cnode, data(), root),
    );
    env.note("no endpoint", tcb.tcb_set_space(null, cnode, data(), root));
    env.note(
        "a thread as endpoint",
        tcb.tcb_set_space(tcb.cptr(), cnode, data(), root),
    );
    let notification = env.make::<cap_type::Notification>()?;
    env.note(
        "a notification as endpoint",
        tcb.tcb_set_space(notification.cptr(), cnode, data(), root),
    );
    env.note(
        "a thread as cspace",
        tcb.tcb_set_space(null, tcb.cast(), data(), root),
    );
    env.note(
        "a thread as vspace",
        tcb.tcb_set_space(null, cnode, data(), tcb.cast()),
    );
    Ok(())
}

fn tcb_fault_endpoint_rights(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let context = env.sched_context(1000, 1000)?;
    for (name, rights) in [
        ("all", CapRights::all()),
        ("write", CapRights::write_only()),
        ("write and grant", CapRights::new(false, true, false, true)),
        (
            "write and grant reply",
            CapRights::new(true, false, false, true),
        ),
        ("read and grant", CapRights::new(false, true, true, false)),
        ("none", CapRights::none()),
    ] {
        let minted = env.mint(endpoint, rights, 1)?;
        env.note(
            name,
            tcb.tcb_set_sched_params(env.tcb(), 0, 0, context, minted),
        );
    }
    Ok(())
}

fn tcb_timeout_endpoint(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    env.note("set", tcb.tcb_set_timeout_endpoint(endpoint));
    env.note("null", tcb.tcb_set_timeout_endpoint(Cap::from_bits(0)));
    env.note("a thread", tcb.tcb_set_timeout_endpoint(tcb.cast()));
    let minted = env.mint(endpoint, CapRights::write_only(), 1)?;
    env.note("write only", tcb.tcb_set_timeout_endpoint(minted));
    Ok(())
}

fn tcb_flags(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let off = TcbFlagsBuilder::new().fpu_disabled(true).build();
    for (clear, set) in [
        (0, off),
        (0, 0),
        (off, 0),
        (0, Word::MAX),
        (Word::MAX, 0),
        (off, off),
    ] {
        let flags = tcb.tcb_set_flags(clear, set);
        env.trace(format_args!("flags {flags:?}"));
    }
    Ok(())
}

/// A thread that is woken runs at once if its priority is higher, later otherwise.
fn tcb_preemption(env: &mut Env) -> Outcome {
    fn waits(buffer: &mut IpcBuffer, notification: u64, digit: u64) {
        cap::Notification::from_bits(notification)
            .with(buffer)
            .wait();
        ORDER.store(ORDER.load(SeqCst) * 10 + digit, SeqCst);
    }
    fn signals(buffer: &mut IpcBuffer, notification: u64, digit: u64) {
        cap::Notification::from_bits(notification)
            .with(buffer)
            .signal();
        ORDER.store(ORDER.load(SeqCst) * 10 + digit, SeqCst);
    }
    for (name, waiter, signaller) in [("higher", 60, 50), ("equal", 50, 50), ("lower", 40, 50)] {
        let notification = env.make::<cap_type::Notification>()?;
        ORDER.store(0, SeqCst);
        let thread = env.thread(waiter)?;
        thread.start(waits, notification.bits(), 1)?;
        env.settle();
        let thread = env.thread(signaller)?;
        thread.start(signals, notification.bits(), 2)?;
        env.settle();
        env.trace(format_args!("{name}: order {}", ORDER.load(SeqCst)));
    }
    Ok(())
}

/// Two threads of one priority that yield take turns.
fn tcb_yield(env: &mut Env) -> Outcome {
    fn body(_: &mut IpcBuffer, digit: u64, _: u64) {
        for _ in 0..3 {
            ORDER.store(ORDER.load(SeqCst) * 10 + digit, SeqCst);
            sel4::r#yield();
        }
    }
    ORDER.store(0, SeqCst);
    for digit in [1, 2] {
        let thread = env.thread(50)?;
        thread.start(body, digit, 0)?;
    }
    env.settle();
    env.trace(format_args!("order {}", ORDER.load(SeqCst)));
    Ok(())
}

/// A thread with a CSpace of its own sees its own slots.
fn tcb_own_cspace(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, endpoint: u64, _: u64) {
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(MessageInfo::new(3, 0, 0, 0));
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let node: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let inner = node.absolute_cptr_from_bits_with_depth(6, 4);
    inner.mint(&env.at(endpoint), CapRights::all(), 0x66)?;
    let reply = env.reply()?;
    let thread = env.thread(50)?;
    let data = CNodeCapData::skip_high_bits(4);
    env.expect(
        "space",
        thread
            .tcb
            .tcb_set_space(CPtr::from_bits(0), node, data, env.vspace()),
        Ok(()),
    )?;
    thread.start(body, 6, 0)?;
    env.settle();
    env.trace(format_args!(
        "badge and label {:x?}",
        label_of(endpoint.nb_recv(reply))
    ));
    Ok(())
}

/// Calls that miss words or capabilities.
fn tcb_truncated(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    for (name, label, words, caps) in [
        ("read", label::TCBReadRegisters, 1, 0),
        ("write", label::TCBWriteRegisters, 1, 0),
        ("write with no registers", label::TCBWriteRegisters, 2, 0),
        ("copy", label::TCBCopyRegisters, 0, 0),
        ("copy without source", label::TCBCopyRegisters, 1, 0),
        ("configure", label::TCBConfigure, 2, 3),
        ("configure with two", label::TCBConfigure, 3, 2),
        ("priority", label::TCBSetPriority, 0, 1),
        ("priority without authority", label::TCBSetPriority, 1, 0),
        ("params", label::TCBSetSchedParams, 1, 3),
        ("params with two", label::TCBSetSchedParams, 2, 2),
        ("buffer", label::TCBSetIPCBuffer, 0, 1),
        ("buffer without frame", label::TCBSetIPCBuffer, 1, 0),
        ("space", label::TCBSetSpace, 1, 3),
        ("space with two", label::TCBSetSpace, 2, 2),
        ("bind", label::TCBBindNotification, 0, 0),
        ("tls", label::TCBSetTLSBase, 0, 0),
        ("flags", label::TCBSetFlags, 1, 0),
        ("timeout", label::TCBSetTimeoutEndpoint, 0, 0),
        ("breakpoint", 300, 0, 0),
    ] {
        let caps = &[env.tcb().bits(); 3][..caps];
        env.note(name, tcb.order(label, caps, &[1; 3][..words]));
    }
    Ok(())
}
