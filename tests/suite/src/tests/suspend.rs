// SPDX-License-Identifier: BSD-2-Clause
//! Whether a thread runs while the root task is away for a moment.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{
    IpcBuffer, cap_type,
    sys::{invocation_label as label, syscall_id},
};
use sel4_extra::{SchedContextExt, system_call};

use crate::{
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
};

tests! { tcb_suspend_resume tcb_receiving_call }

static COUNT: AtomicU64 = AtomicU64::new(0);

fn counter(_: &mut IpcBuffer, _: u64, _: u64) {
    loop {
        COUNT.store(COUNT.load(SeqCst) + 1, SeqCst);
    }
}

/// How far the counter comes while the root task is away for a moment.
fn counts(env: &Env) -> bool {
    let before = COUNT.load(SeqCst);
    env.pause_us(2_000);
    COUNT.load(SeqCst) != before
}

fn tcb_suspend_resume(env: &mut Env) -> Outcome {
    let thread = env.thread(50)?;
    thread.start(counter, 0, 0)?;
    env.trace(format_args!("runs: {}", counts(env)));
    env.expect("suspend", thread.tcb.tcb_suspend(), Ok(()))?;
    let still = counts(env);
    env.trace(format_args!("runs: {still}"));
    ensure!(!still);
    env.expect("suspend again", thread.tcb.tcb_suspend(), Ok(()))?;
    env.expect("resume", thread.tcb.tcb_resume(), Ok(()))?;
    let again = counts(env);
    env.trace(format_args!("runs: {again}"));
    ensure!(again);
    env.expect("resume again", thread.tcb.tcb_resume(), Ok(()))?;
    thread.tcb.tcb_suspend()?;
    Ok(())
}

/// What can end or move the caller, or take its time, is not invoked by a call that receives afterwards.
fn tcb_receiving_call(env: &mut Env) -> Outcome {
    let notification = env.make::<cap_type::Notification>()?;
    let thread = env.thread(50)?;
    thread.start(counter, 0, 0)?;
    thread.tcb.tcb_suspend()?;
    let context = env.sched_context(100_000, 100_000)?;
    let copy = env.copy(notification)?;
    let invoke = |capability: u64, label: u64, words: [u64; 2]| {
        notification.signal();
        let length = words.iter().filter(|word| **word != 0).count() as u64;
        let info = label << 12 | length;
        // A wait takes no reply object: its register is for what is invoked.
        let registers = [
            notification.bits(),
            info,
            words[0],
            words[1],
            0,
            0,
            capability,
        ];
        system_call(syscall_id::NBSendWait, registers);
    };
    invoke(thread.tcb.bits(), label::TCBResume.into(), [0; 2]);
    let runs = counts(env);
    env.trace(format_args!("resumed: {runs}"));
    ensure!(!runs);
    let depth = env.at(copy).path().depth() as u64;
    invoke(
        env.cnode().bits(),
        label::CNodeDelete.into(),
        [copy.bits(), depth],
    );
    let there = is_there(env, copy.cptr());
    env.trace(format_args!("deleted: {}", !there));
    ensure!(there);
    env.expect("bind", context.bind_notification(notification), Ok(()))?;
    invoke(context.bits(), label::SchedContextUnbind.into(), [0; 2]);
    env.note("still bound", context.bind_notification(notification));
    Ok(())
}
