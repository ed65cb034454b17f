// SPDX-License-Identifier: BSD-2-Clause
//! Endpoints and reply objects.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{CapRights, Error, IpcBuffer, MessageInfo, cap, cap_type};
use sel4_extra::{AbsoluteCPtrExt, SchedContextExt};

use crate::{
    env::Env,
    test::{Outcome, ensure, tests},
};

tests! { ipc_send_recv ipc_call_reply ipc_reply_recv ipc_order ipc_nonblocking ipc_rights ipc_long_message ipc_too_long ipc_reply_twice ipc_reply_reused ipc_reply_deleted ipc_endpoint_deleted ipc_sender_deleted ipc_cancel_badged ipc_nb_send_recv ipc_donation ipc_passive_chain ipc_no_reply_object ipc_empty_slot }

/// A message of so many words.
pub fn message(label: u64, length: usize) -> MessageInfo {
    MessageInfo::new(label, 0, 0, length)
}

/// Sends label `second` with two words.
fn sender(buffer: &mut IpcBuffer, endpoint: u64, label: u64) {
    buffer.msg_regs_mut()[..2].copy_from_slice(&[label * 10, label * 10 + 1]);
    cap::Endpoint::from_bits(endpoint)
        .with(buffer)
        .send(message(label, 2));
}

/// Calls with label `second`; leaves label and first word of the answer in words 100 and 101.
fn caller(buffer: &mut IpcBuffer, endpoint: u64, label: u64) {
    buffer.msg_regs_mut()[0] = label;
    let answer = cap::Endpoint::from_bits(endpoint)
        .with(&mut *buffer)
        .call(message(label, 1));
    ANSWER.store(answer.label() << 32 | buffer.msg_regs()[0], SeqCst);
}

/// What `caller` got last.
static ANSWER: AtomicU64 = AtomicU64::new(0);

fn first_words<const N: usize>() -> [u64; N] {
    sel4::with_ipc_buffer(|buffer| {
        let mut words = [0; N];
        words.copy_from_slice(&buffer.msg_regs()[..N]);
        words
    })
}

/// Prints a message's tag and badge.
pub fn show(env: &Env, what: &str, (info, badge): (MessageInfo, u64)) {
    env.trace(format_args!(
        "{what}: label {} length {} caps {} unwrapped {} badge {badge:#x}",
        info.label(),
        info.length(),
        info.extra_caps(),
        info.caps_unwrapped()
    ));
}

fn ipc_send_recv(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 0x77)?;
    let reply = env.reply()?;
    // The sender is there first, then the receiver.
    let thread = env.thread(50)?;
    thread.start(sender, badged.bits(), 3)?;
    env.settle();
    show(env, "sender first", endpoint.recv(reply));
    env.trace(format_args!("words {:?}", first_words::<2>()));
    ensure!(first_words::<2>() == [30, 31]);
    let thread = env.thread(50)?;
    thread.start(sender, endpoint.bits(), 4)?;
    show(env, "receiver first", endpoint.recv(reply));
    env.trace(format_args!("words {:?}", first_words::<2>()));
    Ok(())
}

fn ipc_call_reply(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread(50)?;
    thread.start(caller, endpoint.bits(), 5)?;
    show(env, "call", endpoint.recv(reply));
    reply.send_with_mrs(message(9, 1), [99]);
    env.settle();
    let answer = ANSWER.load(SeqCst);
    env.trace(format_args!(
        "answer: label {} word {}",
        answer >> 32,
        answer & 0xffff_ffff
    ));
    ensure!(answer == 9 << 32 | 99);
    Ok(())
}

/// Answers with label + 1 for ever.
fn server(buffer: &mut IpcBuffer, endpoint: u64, reply: u64) {
    let (endpoint, reply) = (
        cap::Endpoint::from_bits(endpoint),
        cap::Reply::from_bits(reply),
    );
    let (mut info, mut badge) = endpoint.with(&mut *buffer).recv(reply);
    loop {
        buffer.msg_regs_mut()[1] = badge;
        let answer = message(info.label() + 1, 2);
        (info, badge) = endpoint.with(&mut *buffer).reply_recv(answer, reply);
    }
}

fn ipc_reply_recv(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 8)?;
    let reply = env.reply()?;
    let thread = env.thread(50)?;
    thread.start(server, endpoint.bits(), reply.bits())?;
    for label in [1, 20, 300] {
        let answer = badged.call_with_mrs(message(label, 1), [label * 2]);
        env.trace(format_args!(
            "answer: label {} length {} words {:?}",
            answer.info.label(),
            answer.info.length(),
            &answer.msg[..2]
        ));
        ensure!(answer.info.label() == label + 1);
    }
    Ok(())
}

/// Several senders of several priorities wait: who is first?
fn ipc_order(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    for (label, priority) in [(1, 50), (2, 60), (3, 40), (4, 60)] {
        let thread = env.thread(priority)?;
        thread.start(sender, endpoint.bits(), label)?;
        env.settle();
    }
    for _ in 0..4 {
        let (info, _) = endpoint.recv(reply);
        env.trace(format_args!("label {}", info.label()));
    }
    Ok(())
}

fn ipc_nonblocking(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    endpoint.nb_send(message(1, 0));
    let (_, badge) = endpoint.nb_recv(reply);
    env.trace(format_args!("nothing there: badge {badge}"));
    ensure!(badge == 0);
    let badged = env.mint(endpoint, CapRights::all(), 6)?;
    let thread = env.thread(50)?;
    thread.start(sender, badged.bits(), 3)?;
    env.settle();
    show(env, "there", endpoint.nb_recv(reply));
    Ok(())
}

fn ipc_rights(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let read = env.mint(endpoint, CapRights::read_only(), 0)?;
    let reply = env.reply()?;
    // Without the right to write a send is dropped: nobody blocks, nothing arrives.
    let thread = env.thread(50)?;
    thread.start(sender, read.bits(), 3)?;
    env.settle();
    let (_, badge) = endpoint.nb_recv(reply);
    env.trace(format_args!("send without write: badge {badge}"));
    let pc = *thread.tcb.tcb_read_all_registers(false)?.pc();
    env.trace(format_args!("sender has a pc: {}", pc != 0));
    let badged = env.mint(endpoint, CapRights::write_only(), 0x55)?;
    let thread = env.thread(50)?;
    thread.start(sender, badged.bits(), 4)?;
    env.settle();
    show(env, "send with write only", endpoint.nb_recv(reply));
    // A call needs grant or grant-reply for its answer.
    let thread = env.thread(50)?;
    ANSWER.store(1, SeqCst);
    thread.start(caller, badged.bits(), 4)?;
    env.settle();
    show(env, "call with write only", endpoint.nb_recv(reply));
    reply.send(message(7, 0));
    env.settle();
    env.trace(format_args!("answered: {}", ANSWER.load(SeqCst) != 1));
    Ok(())
}

fn ipc_long_message(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, endpoint: u64, length: u64) {
        for (at, word) in buffer.msg_regs_mut().iter_mut().enumerate() {
            *word = 1000 + at as u64;
        }
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(message(1, length as usize));
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    for length in [0, 1, 4, 5, 119, 120] {
        sel4::with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut().fill(7));
        let thread = env.thread(50)?;
        thread.start(body, endpoint.bits(), length)?;
        show(env, "message", endpoint.recv(reply));
        let right = sel4::with_ipc_buffer(|buffer| {
            let words = buffer.msg_regs();
            (0..length as usize)
                .filter(|at| words[*at] == 1000 + *at as u64)
                .count()
        });
        env.trace(format_args!("{right} of {length} words arrived"));
        ensure!(right == length as usize);
    }
    Ok(())
}

/// A length above 120 is cut.
fn ipc_too_long(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, endpoint: u64, _: u64) {
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(message(1, 127));
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread(50)?;
    thread.start(body, endpoint.bits(), 0)?;
    show(env, "127 words", endpoint.recv(reply));
    Ok(())
}

fn ipc_reply_twice(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread(50)?;
    thread.start(caller, endpoint.bits(), 1)?;
    endpoint.recv(reply);
    reply.send(message(2, 0));
    // Nobody is there for the second one.
    reply.send(message(3, 0));
    reply.nb_send(message(4, 0));
    env.settle();
    env.trace(format_args!("answer label {}", ANSWER.load(SeqCst) >> 32));
    Ok(())
}

/// A receive with a reply object that still holds a caller: that caller is lost.
fn ipc_reply_reused(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    ANSWER.store(0, SeqCst);
    let (first, second) = (env.thread(50)?, env.thread(50)?);
    first.start(caller, endpoint.bits(), 1)?;
    show(env, "first", endpoint.recv(reply));
    second.start(caller, endpoint.bits(), 2)?;
    show(env, "second", endpoint.recv(reply));
    reply.send(message(8, 0));
    env.settle();
    let answer = ANSWER.load(SeqCst);
    env.trace(format_args!(
        "answer: label {} word {}",
        answer >> 32,
        answer & 0xffff_ffff
    ));
    // The first one can be started anew all the same.
    ANSWER.store(0, SeqCst);
    first.start(sender, endpoint.bits(), 6)?;
    show(env, "first again", endpoint.recv(reply));
    Ok(())
}

fn ipc_reply_deleted(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    ANSWER.store(77, SeqCst);
    let thread = env.thread(50)?;
    thread.start(caller, endpoint.bits(), 1)?;
    endpoint.recv(reply);
    env.expect("delete the reply", env.at(reply).delete(), Ok(()))?;
    env.settle();
    env.trace(format_args!(
        "caller went on: {}",
        ANSWER.load(SeqCst) != 77
    ));
    reply.nb_send(message(5, 0));
    env.settle();
    env.trace(format_args!(
        "after an answer to nowhere: {}",
        ANSWER.load(SeqCst) != 77
    ));
    // Resume makes it run on: the call is made again.
    thread.tcb.tcb_resume()?;
    env.settle();
    let again = env.reply()?;
    show(env, "after resume", endpoint.nb_recv(again));
    Ok(())
}

fn ipc_endpoint_deleted(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let notification = env.make::<cap_type::Notification>()?;
    ANSWER.store(77, SeqCst);
    let thread = env.thread(50)?;
    thread.start(caller, endpoint.bits(), 1)?;
    env.settle();
    env.expect("delete the endpoint", env.at(endpoint).delete(), Ok(()))?;
    env.settle();
    let answer = ANSWER.load(SeqCst);
    env.trace(format_args!("caller's answer: {:#x}", answer));
    notification.signal();
    Ok(())
}

fn ipc_sender_deleted(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let (first, second) = (env.thread(50)?, env.thread(50)?);
    first.start(sender, endpoint.bits(), 1)?;
    env.settle();
    second.start(sender, endpoint.bits(), 2)?;
    env.settle();
    env.at(first.tcb).delete()?;
    show(env, "left", endpoint.nb_recv(reply));
    show(env, "none", (message(0, 0), endpoint.nb_recv(reply).1));
    Ok(())
}

fn ipc_cancel_badged(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let (one, two) = (
        env.mint(endpoint, CapRights::all(), 1)?,
        env.mint(endpoint, CapRights::all(), 2)?,
    );
    let reply = env.reply()?;
    for (cap, label) in [(one, 1), (two, 2), (one, 3)] {
        let thread = env.thread(50)?;
        thread.start(sender, cap.bits(), label)?;
        env.settle();
    }
    env.expect("cancel badge 1", env.at(one).cancel_badged_sends(), Ok(()))?;
    for _ in 0..3 {
        let (info, badge) = endpoint.nb_recv(reply);
        env.trace(format_args!(
            "badge {badge} label {}",
            if badge == 0 { 0 } else { info.label() }
        ));
        env.settle();
    }
    Ok(())
}

fn ipc_nb_send_recv(env: &mut Env) -> Outcome {
    let (there, here) = (
        env.make::<cap_type::Endpoint>()?,
        env.make::<cap_type::Endpoint>()?,
    );
    let reply = env.reply()?;
    fn echo(buffer: &mut IpcBuffer, from: u64, to: u64) {
        let reply = cap::Reply::from_bits(buffer.user_data());
        let (info, _) = cap::Endpoint::from_bits(from)
            .with(&mut *buffer)
            .recv(reply);
        cap::Endpoint::from_bits(to)
            .with(buffer)
            .send(message(info.label() + 1, 1));
    }
    let thread = env.thread(50)?;
    thread.set_user_data(env.reply()?.bits());
    thread.start(echo, there.bits(), here.bits())?;
    env.settle();
    show(
        env,
        "sent and received",
        there.nb_send_recv(message(40, 1), here, reply),
    );
    Ok(())
}

/// A caller's scheduling context goes to a passive server, and comes back with the answer.
fn ipc_donation(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let context = env.sched_context(100_000, 100_000)?;
    let passive = env.thread_with(60, context, cap::Endpoint::from_bits(0))?;
    passive.start(server, endpoint.bits(), reply.bits())?;
    env.settle();
    env.expect(
        "unbind",
        context.unbind_object(passive.tcb.upcast()),
        Ok(()),
    )?;
    ANSWER.store(0, SeqCst);
    let client = env.thread(50)?;
    client.start(caller, endpoint.bits(), 11)?;
    env.settle();
    env.trace(format_args!("answer label {}", ANSWER.load(SeqCst) >> 32));
    ensure!(ANSWER.load(SeqCst) >> 32 == 12);
    // A plain send does not carry time: the server stays where it is.
    ANSWER.store(0, SeqCst);
    let client = env.thread(50)?;
    client.start(sender, endpoint.bits(), 5)?;
    env.settle();
    let client = env.thread(50)?;
    client.start(caller, endpoint.bits(), 21)?;
    env.settle();
    env.trace(format_args!(
        "after a send: answer label {}",
        ANSWER.load(SeqCst) >> 32
    ));
    Ok(())
}

/// A passive server calls another one.
fn ipc_passive_chain(env: &mut Env) -> Outcome {
    fn middle(buffer: &mut IpcBuffer, from: u64, to: u64) {
        let reply = cap::Reply::from_bits(buffer.user_data());
        let from = cap::Endpoint::from_bits(from);
        let (mut info, _) = from.with(&mut *buffer).recv(reply);
        loop {
            let answer = cap::Endpoint::from_bits(to)
                .with(&mut *buffer)
                .call(message(info.label(), 0));
            (info, _) = from
                .with(&mut *buffer)
                .reply_recv(message(answer.label() * 10, 0), reply);
        }
    }
    let (front, back) = (
        env.make::<cap_type::Endpoint>()?,
        env.make::<cap_type::Endpoint>()?,
    );
    let contexts = [
        env.sched_context(100_000, 100_000)?,
        env.sched_context(100_000, 100_000)?,
    ];
    let last = env.thread_with(60, contexts[0], cap::Endpoint::from_bits(0))?;
    let reply = env.reply()?;
    last.start(server, back.bits(), reply.bits())?;
    let between = env.thread_with(60, contexts[1], cap::Endpoint::from_bits(0))?;
    between.set_user_data(env.reply()?.bits());
    between.start(middle, front.bits(), back.bits())?;
    env.settle();
    for context in contexts {
        context.unbind()?;
    }
    let answer = front.call(message(4, 0));
    env.trace(format_args!("answer label {}", answer.label()));
    ensure!(answer.label() == 50);
    Ok(())
}

/// A call arrives where the receiver has given no reply object.
fn ipc_no_reply_object(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    ANSWER.store(77, SeqCst);
    let thread = env.thread(50)?;
    thread.start(caller, endpoint.bits(), 1)?;
    env.settle();
    let (info, badge) = endpoint.cast::<cap_type::Notification>().poll();
    show(env, "poll on an endpoint", (info, badge));
    env.settle();
    env.trace(format_args!(
        "caller went on: {}",
        ANSWER.load(SeqCst) != 77
    ));
    Ok(())
}

fn ipc_empty_slot(env: &mut Env) -> Outcome {
    let empty = env.slot::<cap_type::Endpoint>();
    empty.nb_send(message(1, 0));
    empty.send(message(1, 0));
    let answer = empty.call(message(1, 0));
    env.trace(format_args!("call: label {}", answer.label()));
    ensure!(answer.label() == u64::from(Error::InvalidCapability.into_sys()));
    Ok(())
}
