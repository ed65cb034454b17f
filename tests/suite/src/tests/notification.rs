// SPDX-License-Identifier: BSD-2-Clause
//! Notifications, bound ones among them.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{CapRights, IpcBuffer, MessageInfo, cap, cap_type, sys::syscall_id};
use sel4_extra::{SchedContextExt, system_call};

use crate::{
    env::Env,
    test::{Outcome, ensure, tests},
};

tests! { notification_signal_poll notification_wait notification_waiters notification_rights notification_bound notification_bound_while_waiting
notification_bind_errors notification_unbind notification_deleted notification_with_context notification_nb_send_wait notification_message }

static LOG: AtomicU64 = AtomicU64::new(0);

/// Appends a decimal digit.
fn log(digit: u64) {
    LOG.store(LOG.load(SeqCst) * 10 + digit, SeqCst);
}

fn waiter(buffer: &mut IpcBuffer, notification: u64, digit: u64) {
    let (_, badge) = cap::Notification::from_bits(notification)
        .with(buffer)
        .wait();
    log(digit);
    log(badge);
}

fn badged(
    env: &mut Env,
    original: cap::Notification,
    badge: u64,
) -> sel4::Result<cap::Notification> {
    env.mint(original, CapRights::all(), badge)
}

fn notification_signal_poll(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    let (one, four) = (badged(env, original, 1)?, badged(env, original, 4)?);
    let (_, badge) = original.poll();
    env.trace(format_args!("nothing: {badge}"));
    one.signal();
    four.signal();
    one.signal();
    let (_, badge) = original.poll();
    env.trace(format_args!("1, 4, 1: {badge}"));
    ensure!(badge == 5);
    ensure!(original.poll().1 == 0);
    original.signal();
    let (_, badge) = original.poll();
    env.trace(format_args!("without a badge: {badge}"));
    let empty = env.slot::<cap_type::Notification>();
    empty.signal();
    Ok(())
}

fn notification_wait(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    let two = badged(env, original, 2)?;
    LOG.store(0, SeqCst);
    let thread = env.thread(50)?;
    thread.start(waiter, original.bits(), 7)?;
    env.settle();
    ensure!(LOG.load(SeqCst) == 0);
    two.signal();
    env.settle();
    env.trace(format_args!("log {}", LOG.load(SeqCst)));
    ensure!(LOG.load(SeqCst) == 72);
    two.signal();
    let (_, badge) = original.wait();
    env.trace(format_args!("active: {badge}"));
    Ok(())
}

fn notification_waiters(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    LOG.store(0, SeqCst);
    for (digit, priority) in [(1, 50), (2, 60), (3, 40)] {
        let thread = env.thread(priority)?;
        thread.start(waiter, original.bits(), digit)?;
        env.settle();
    }
    for badge in [4, 5, 6, 7] {
        let cap = badged(env, original, badge)?;
        cap.signal();
        env.settle();
    }
    env.trace(format_args!("log {}", LOG.load(SeqCst)));
    env.trace(format_args!("left {}", original.poll().1));
    Ok(())
}

fn notification_rights(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    let read = env.mint(original, CapRights::read_only(), 1)?;
    read.signal();
    env.trace(format_args!("signal without write: {}", original.poll().1));
    let write = env.mint(original, CapRights::write_only(), 2)?;
    write.signal();
    env.trace(format_args!("signal with write: {}", read.poll().1));
    Ok(())
}

/// A signal on the bound notification ends a receive on the endpoint.
fn notification_bound(env: &mut Env) -> Outcome {
    let (original, endpoint) = (
        env.make::<cap_type::Notification>()?,
        env.make::<cap_type::Endpoint>()?,
    );
    let eight = badged(env, original, 8)?;
    let reply = env.reply()?;
    env.expect("bind", env.tcb().tcb_bind_notification(original), Ok(()))?;
    eight.signal();
    let (info, badge) = endpoint.recv(reply);
    env.trace(format_args!(
        "recv: label {} length {} badge {badge}",
        info.label(),
        info.length()
    ));
    ensure!(badge == 8);
    env.trace(format_args!("nb_recv: badge {}", endpoint.nb_recv(reply).1));
    eight.signal();
    env.trace(format_args!("nb_recv: badge {}", endpoint.nb_recv(reply).1));
    eight.signal();
    env.trace(format_args!("poll: badge {}", original.poll().1));
    env.expect("unbind", env.tcb().tcb_unbind_notification(), Ok(()))
}

fn notification_bound_while_waiting(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, endpoint: u64, reply: u64) {
        let reply = cap::Reply::from_bits(reply);
        for _ in 0..2 {
            let (info, badge) = cap::Endpoint::from_bits(endpoint)
                .with(&mut *buffer)
                .recv(reply);
            log(badge);
            log(info.label());
        }
    }
    let (original, endpoint) = (
        env.make::<cap_type::Notification>()?,
        env.make::<cap_type::Endpoint>()?,
    );
    let three = badged(env, original, 3)?;
    let reply = env.reply()?;
    LOG.store(0, SeqCst);
    let thread = env.thread(50)?;
    thread.tcb.tcb_bind_notification(original)?;
    thread.start(body, endpoint.bits(), reply.bits())?;
    env.settle();
    three.signal();
    env.settle();
    endpoint.nb_send(MessageInfo::new(9, 0, 0, 0));
    env.settle();
    env.trace(format_args!("log {}", LOG.load(SeqCst)));
    ensure!(LOG.load(SeqCst) == 3009);
    Ok(())
}

fn notification_bind_errors(env: &mut Env) -> Outcome {
    let (a, b) = (
        env.make::<cap_type::Notification>()?,
        env.make::<cap_type::Notification>()?,
    );
    let (first, second) = (env.make::<cap_type::Tcb>()?, env.make::<cap_type::Tcb>()?);
    env.expect("bind", first.tcb_bind_notification(a), Ok(()))?;
    env.note("thread has one", first.tcb_bind_notification(b));
    env.note("notification has one", second.tcb_bind_notification(a));
    let write = env.mint(b, CapRights::write_only(), 0)?;
    env.note("without read", second.tcb_bind_notification(write));
    let badged = env.mint(b, CapRights::all(), 1)?;
    env.note("badged", second.tcb_bind_notification(badged));
    let endpoint = env.make::<cap_type::Endpoint>()?;
    env.note("an endpoint", second.tcb_bind_notification(endpoint.cast()));
    env.note("nothing bound", second.tcb_unbind_notification());
    env.note("unbind", first.tcb_unbind_notification());
    env.note("unbind again", first.tcb_unbind_notification());
    Ok(())
}

/// The thread or the notification goes: the other is free again.
fn notification_unbind(env: &mut Env) -> Outcome {
    let (a, b) = (
        env.make::<cap_type::Notification>()?,
        env.make::<cap_type::Notification>()?,
    );
    let (first, second) = (env.make::<cap_type::Tcb>()?, env.make::<cap_type::Tcb>()?);
    first.tcb_bind_notification(a)?;
    env.at(first).delete()?;
    env.expect("thread deleted", second.tcb_bind_notification(a), Ok(()))?;
    env.at(a).delete()?;
    env.expect(
        "notification deleted",
        second.tcb_bind_notification(b),
        Ok(()),
    )
}

fn notification_deleted(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    LOG.store(0, SeqCst);
    let thread = env.thread(50)?;
    thread.start(waiter, original.bits(), 7)?;
    env.settle();
    env.expect("delete", env.at(original).delete(), Ok(()))?;
    env.settle();
    env.trace(format_args!("log {}", LOG.load(SeqCst)));
    Ok(())
}

/// A scheduling context bound to a notification is given to the passive thread that it wakes.
fn notification_with_context(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, notification: u64, _: u64) {
        loop {
            let (_, badge) = cap::Notification::from_bits(notification)
                .with(&mut *buffer)
                .wait();
            log(badge);
        }
    }
    let original = env.make::<cap_type::Notification>()?;
    let five = badged(env, original, 5)?;
    let own = env.sched_context(100_000, 100_000)?;
    let lent = env.sched_context(100_000, 100_000)?;
    LOG.store(0, SeqCst);
    let thread = env.thread_with(50, own, cap::Endpoint::from_bits(0))?;
    thread.start(body, original.bits(), 0)?;
    env.settle();
    env.expect("unbind its own", own.unbind(), Ok(()))?;
    five.signal();
    env.settle();
    env.trace(format_args!("without time: log {}", LOG.load(SeqCst)));
    env.expect("bind", lent.bind_notification(original), Ok(()))?;
    env.note("bind another", own.bind_notification(original));
    env.note("bind it elsewhere", lent.bind_tcb(thread.tcb));
    five.signal();
    env.settle();
    env.trace(format_args!("with time: log {}", LOG.load(SeqCst)));
    five.signal();
    env.settle();
    env.trace(format_args!("again: log {}", LOG.load(SeqCst)));
    env.note("unbind", lent.unbind_object(original.upcast()));
    env.note("unbind again", lent.unbind_object(original.upcast()));
    Ok(())
}

fn notification_nb_send_wait(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    let six = badged(env, original, 6)?;
    // A wait takes no reply object: its register is for what is signalled.
    let registers = [original.bits(), 0, 0, 0, 0, 0, six.bits()];
    let [badge, ..] = system_call(syscall_id::NBSendWait, registers);
    env.trace(format_args!("badge {badge}"));
    ensure!(badge == 6);
    Ok(())
}

/// What a wait returns in addition to the badge.
fn notification_message(env: &mut Env) -> Outcome {
    let original = env.make::<cap_type::Notification>()?;
    let one = badged(env, original, 1)?;
    sel4::with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[..4].fill(9));
    one.send(MessageInfo::new(5, 0, 0, 3));
    // The tag's register stays as it was, which is not for the crate's functions to decide.
    let [badge, tag, ..] = system_call(syscall_id::Wait, [original.bits(), 0, 0, 0, 0, 0, 0]);
    env.trace(format_args!(
        "label {} length {} badge {badge}",
        tag >> 12,
        tag & 0x7f
    ));
    Ok(())
}
