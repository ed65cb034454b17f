// SPDX-License-Identifier: BSD-2-Clause
//! Interrupts, with the physical timer as their source.

use sel4::{
    Cap, CapRights, Error, IpcBuffer, MessageInfo, Word, cap, cap_type, init_thread::slot,
    sys::invocation_label as label,
};
use sel4_extra::CapExt;

use crate::{
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
    timer,
};

tests! { irq_control_errors irq_trigger irq_handler_again irq_timer irq_masked_until_ack irq_before_bind irq_clear irq_copies irq_bind_errors irq_bound_to_thread
irq_notification_deleted irq_revoked irq_delete_original irq_ack_without_irq irq_wakes_higher }

/// Sets the timer to fire in 500 us.
fn fire() {
    molt_clock::timer::set(molt_clock::now().saturating_add(timer::ticks(500)));
}

/// Whether a signal comes within 5 ms, by looking.
fn comes(notification: cap::Notification) -> u64 {
    let end = molt_clock::now().saturating_add(timer::ticks(5_000));
    while molt_clock::now() < end {
        let (_, badge) = notification.poll();
        if badge != 0 {
            return badge;
        }
    }
    0
}

/// A notification, and its capability with badge 0x80.
fn signalled(env: &mut Env) -> sel4::Result<(cap::Notification, cap::Notification)> {
    let notification = env.make::<cap_type::Notification>()?;
    Ok((
        notification,
        env.mint(notification, CapRights::all(), 0x80)?,
    ))
}

fn irq_control_errors(env: &mut Env) -> Outcome {
    let control = slot::IRQ_CONTROL.cap();
    for irq in [
        0,
        15,
        16,
        26,
        27,
        30,
        31,
        32,
        33,
        100,
        159,
        160,
        1019,
        1020,
        Word::MAX,
    ] {
        let handler = env.slot::<cap_type::IrqHandler>();
        let result = control.irq_control_get(irq, &env.at(handler));
        // The kernel's bound depends on the board; it is told to nobody else.
        env.trace(format_args!("irq {irq}"));
        env.note("get", result);
        let _ = env.at(handler).delete();
    }
    let used = env.make::<cap_type::Endpoint>()?;
    env.note("slot in use", control.irq_control_get(72, &env.at(used)));
    env.note(
        "1 word",
        control.order(label::IRQIssueIRQHandler, &[2], &[72]),
    );
    env.note(
        "no CNode",
        control.order(label::IRQIssueIRQHandler, &[], &[72, 5, 64]),
    );
    env.note("label 400", control.order(400, &[], &[]));
    Ok(())
}

fn irq_trigger(env: &mut Env) -> Outcome {
    let control = slot::IRQ_CONTROL.cap();
    for edge in [false, true] {
        for irq in [30, 27, 75] {
            let handler = env.slot::<cap_type::IrqHandler>();
            env.trace(format_args!("irq {irq} edge {edge}"));
            env.note(
                "get",
                control.irq_control_get_trigger(irq, edge, &env.at(handler)),
            );
            let _ = env.at(handler).delete();
        }
    }
    let handler = env.slot::<cap_type::IrqHandler>();
    let words = [76, 5, handler.bits(), 64];
    env.note(
        "trigger 5",
        control.order(label::ARMIRQIssueIRQHandlerTrigger, &[2], &words),
    );
    let _ = env.at(handler).delete();
    env.note(
        "3 words",
        control.order(label::ARMIRQIssueIRQHandlerTrigger, &[2], &words[..3]),
    );
    Ok(())
}

/// A second handler of an interrupt there can be only when the first is gone.
fn irq_handler_again(env: &mut Env) -> Outcome {
    let control = slot::IRQ_CONTROL.cap();
    let (one, two) = (
        env.slot::<cap_type::IrqHandler>(),
        env.slot::<cap_type::IrqHandler>(),
    );
    env.expect("first", control.irq_control_get(77, &env.at(one)), Ok(()))?;
    env.expect(
        "second",
        control.irq_control_get(77, &env.at(two)),
        Err(Error::RevokeFirst),
    )?;
    let copy = env.copy(one)?;
    env.at(one).delete()?;
    env.note(
        "with a copy left",
        control.irq_control_get(77, &env.at(two)),
    );
    env.at(copy).delete()?;
    env.expect(
        "with none left",
        control.irq_control_get(77, &env.at(two)),
        Ok(()),
    )?;
    env.note("revoke IRQControl", env.at(control).revoke());
    env.trace(format_args!(
        "handler there: {}, the timer's: {}",
        is_there(env, two.cptr()),
        is_there(env, env.timer.handler.cptr())
    ));
    if !is_there(env, env.timer.handler.cptr()) {
        // The suite's own went with it.
        control.irq_control_get(timer::IRQ, &env.at(env.timer.handler))?;
        env.timer.restore();
    }
    Ok(())
}

fn irq_timer(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    env.expect("bind", handler.irq_handler_set_notification(badged), Ok(()))?;
    for _ in 0..3 {
        fire();
        let (_, badge) = notification.wait();
        env.trace(format_args!("badge {badge:#x}"));
        molt_clock::timer::stop();
        env.expect("acknowledge", handler.irq_handler_ack(), Ok(()))?;
    }
    env.timer.restore();
    Ok(())
}

/// Until it is acknowledged nothing more comes; then what is pending comes at once.
fn irq_masked_until_ack(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    handler.irq_handler_set_notification(badged)?;
    fire();
    env.trace(format_args!("first: {:#x}", comes(notification)));
    fire();
    env.trace(format_args!("not acknowledged: {:#x}", comes(notification)));
    env.expect("acknowledge", handler.irq_handler_ack(), Ok(()))?;
    env.trace(format_args!("acknowledged: {:#x}", comes(notification)));
    // The line is still high: it comes again with each acknowledgement.
    handler.irq_handler_ack()?;
    env.trace(format_args!("line still high: {:#x}", comes(notification)));
    molt_clock::timer::stop();
    handler.irq_handler_ack()?;
    env.trace(format_args!("line low: {:#x}", comes(notification)));
    env.timer.restore();
    Ok(())
}

/// Interrupts that come while nothing is bound.
fn irq_before_bind(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    handler.irq_handler_clear()?;
    fire();
    env.trace(format_args!("unbound: {:#x}", comes(notification)));
    env.expect("bind", handler.irq_handler_set_notification(badged), Ok(()))?;
    env.trace(format_args!("bound: {:#x}", comes(notification)));
    env.note("acknowledge", handler.irq_handler_ack());
    env.trace(format_args!("acknowledged: {:#x}", comes(notification)));
    env.timer.restore();
    Ok(())
}

fn irq_clear(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    handler.irq_handler_set_notification(badged)?;
    env.expect("clear", handler.irq_handler_clear(), Ok(()))?;
    env.expect("clear again", handler.irq_handler_clear(), Ok(()))?;
    fire();
    env.trace(format_args!("cleared: {:#x}", comes(notification)));
    molt_clock::timer::stop();
    handler.irq_handler_set_notification(badged)?;
    handler.irq_handler_ack()?;
    fire();
    env.trace(format_args!("bound again: {:#x}", comes(notification)));
    env.timer.restore();
    Ok(())
}

/// Copies are as good as the original; the binding is one.
fn irq_copies(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let copy = env.copy(env.timer.handler)?;
    env.expect(
        "bind by the copy",
        copy.irq_handler_set_notification(badged),
        Ok(()),
    )?;
    fire();
    env.trace(format_args!("badge {:#x}", comes(notification)));
    molt_clock::timer::stop();
    env.expect(
        "acknowledge the original",
        env.timer.handler.irq_handler_ack(),
        Ok(()),
    )?;
    // One of several capabilities goes: the binding stays.
    env.expect("delete the copy", env.at(copy).delete(), Ok(()))?;
    fire();
    env.trace(format_args!("after the delete: {:#x}", comes(notification)));
    env.timer.restore();
    Ok(())
}

fn irq_bind_errors(env: &mut Env) -> Outcome {
    let handler = env.timer.handler;
    let notification = env.make::<cap_type::Notification>()?;
    let read = env.mint(notification, CapRights::read_only(), 0)?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    env.note("without write", handler.irq_handler_set_notification(read));
    env.note(
        "an endpoint",
        handler.irq_handler_set_notification(endpoint.cast()),
    );
    env.note(
        "nothing",
        handler.irq_handler_set_notification(Cap::from_bits(0)),
    );
    env.note(
        "no capability",
        handler.order(label::IRQSetIRQHandler, &[], &[]),
    );
    env.note("bind", handler.irq_handler_set_notification(notification));
    env.note(
        "bind again",
        handler.irq_handler_set_notification(notification),
    );
    env.note("label 400", handler.order(400, &[], &[]));
    env.timer.restore();
    Ok(())
}

/// An interrupt ends a receive on an endpoint.
fn irq_bound_to_thread(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    env.tcb().tcb_bind_notification(notification)?;
    env.timer.handler.irq_handler_set_notification(badged)?;
    fire();
    let (info, badge) = endpoint.recv(reply);
    env.trace(format_args!("label {} badge {badge:#x}", info.label()));
    env.tcb().tcb_unbind_notification()?;
    env.timer.restore();
    ensure!(badge == 0x80);
    Ok(())
}

fn irq_notification_deleted(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    handler.irq_handler_set_notification(badged)?;
    // The binding holds a capability of its own: the badged one can go.
    env.at(badged).delete()?;
    fire();
    env.trace(format_args!(
        "badged one deleted: {:#x}",
        comes(notification)
    ));
    molt_clock::timer::stop();
    handler.irq_handler_ack()?;
    env.expect("revoke the original", env.at(notification).revoke(), Ok(()))?;
    fire();
    env.trace(format_args!("revoked: {:#x}", comes(notification)));
    env.note("acknowledge", handler.irq_handler_ack());
    env.timer.restore();
    Ok(())
}

/// The copy is revoked between delivery and acknowledgement, as in a swap.
fn irq_revoked(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    handler.irq_handler_set_notification(badged)?;
    let copy = env.copy(handler)?;
    fire();
    env.trace(format_args!("delivered: {:#x}", comes(notification)));
    env.expect("revoke", env.at(handler).revoke(), Ok(()))?;
    env.expect(
        "acknowledge",
        copy.irq_handler_ack(),
        Err(Error::InvalidCapability),
    )?;
    fire();
    env.trace(format_args!("still masked: {:#x}", comes(notification)));
    env.expect("clear", handler.irq_handler_clear(), Ok(()))?;
    env.expect("bind", handler.irq_handler_set_notification(badged), Ok(()))?;
    env.trace(format_args!("bound anew: {:#x}", comes(notification)));
    let copy = env.copy(handler)?;
    env.expect("acknowledge the new copy", copy.irq_handler_ack(), Ok(()))?;
    env.trace(format_args!("comes: {:#x}", comes(notification)));
    env.timer.restore();
    Ok(())
}

/// The last handler goes while bound: the interrupt is free and silent.
fn irq_delete_original(env: &mut Env) -> Outcome {
    let (notification, badged) = signalled(env)?;
    let handler = env.timer.handler;
    handler.irq_handler_set_notification(badged)?;
    env.expect("delete", env.at(handler).delete(), Ok(()))?;
    fire();
    env.trace(format_args!("deleted: {:#x}", comes(notification)));
    molt_clock::timer::stop();
    let control = slot::IRQ_CONTROL.cap();
    env.expect(
        "get",
        control.irq_control_get(timer::IRQ, &env.at(handler)),
        Ok(()),
    )?;
    fire();
    env.trace(format_args!("unbound: {:#x}", comes(notification)));
    env.timer.restore();
    env.pause_us(500);
    Ok(())
}

fn irq_ack_without_irq(env: &mut Env) -> Outcome {
    let handler = env.timer.handler;
    for _ in 0..3 {
        env.expect("acknowledge", handler.irq_handler_ack(), Ok(()))?;
    }
    env.pause_us(500);
    Ok(())
}

/// The interrupt's waiter runs at once, over a thread that never stops.
fn irq_wakes_higher(env: &mut Env) -> Outcome {
    fn spin(_: &mut IpcBuffer, _: u64, _: u64) {
        loop {
            core::hint::spin_loop();
        }
    }
    fn wait(buffer: &mut IpcBuffer, notification: u64, endpoint: u64) {
        cap::Notification::from_bits(notification)
            .with(&mut *buffer)
            .wait();
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(MessageInfo::new(6, 0, 0, 0));
    }
    let (notification, badged) = signalled(env)?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    env.timer.handler.irq_handler_set_notification(badged)?;
    let waiter = env.thread(60)?;
    waiter.start(wait, notification.bits(), endpoint.bits())?;
    env.settle();
    let spinner = env.thread(50)?;
    spinner.start(spin, 0, 0)?;
    fire();
    let (info, _) = endpoint.recv(reply);
    env.trace(format_args!("label {}", info.label()));
    spinner.tcb.tcb_suspend()?;
    env.timer.restore();
    Ok(())
}
