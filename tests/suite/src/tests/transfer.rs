// SPDX-License-Identifier: BSD-2-Clause
//! Capabilities in messages.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4::{CapRights, IpcBuffer, MessageInfo, cap, cap_type};

use super::ipc::{message, show};
use crate::{
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
};

tests! { ipc_capability ipc_capability_unwrapped ipc_capability_no_slot ipc_capability_several ipc_grant ipc_grant_reply }

/// Capabilities in the answer that a caller got.
static ANSWER: AtomicU64 = AtomicU64::new(0);

/// Sends one capability (`second`), label 1.
fn giver(buffer: &mut IpcBuffer, endpoint: u64, what: u64) {
    buffer.caps_or_badges_mut()[0] = what;
    cap::Endpoint::from_bits(endpoint)
        .with(buffer)
        .send(MessageInfo::new(1, 0, 1, 0));
}

fn set_receive_slot(env: &Env, slot: usize) {
    sel4::with_ipc_buffer_mut(|buffer| buffer.set_recv_slot(&env.at_slot(slot)));
}

fn ipc_capability(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let frame = env.make::<cap_type::Granule>()?;
    let reply = env.reply()?;
    let slot = env.take_slots(1);
    set_receive_slot(env, slot);
    let thread = env.thread(50)?;
    thread.start(giver, endpoint.bits(), frame.bits())?;
    show(env, "frame", endpoint.recv(reply));
    ensure!(is_there(env, sel4::CPtr::from_bits(slot as u64)));
    // What came is a copy: it goes with the original's revoke.
    env.at(frame).revoke()?;
    ensure!(!is_there(env, sel4::CPtr::from_bits(slot as u64)));
    // The slot is in use: the message comes without the capability.
    env.at_slot(slot).copy(&env.at(frame), CapRights::all())?;
    let thread = env.thread(50)?;
    thread.start(giver, endpoint.bits(), frame.bits())?;
    show(env, "slot in use", endpoint.recv(reply));
    let thread = env.thread(50)?;
    let empty = env.slot::<cap_type::Granule>();
    thread.start(giver, endpoint.bits(), empty.bits())?;
    show(env, "nothing to give", endpoint.recv(reply));
    Ok(())
}

/// A capability to the very endpoint arrives as its badge.
fn ipc_capability_unwrapped(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 0x99)?;
    let reply = env.reply()?;
    let slot = env.take_slots(1);
    set_receive_slot(env, slot);
    let thread = env.thread(50)?;
    thread.start(giver, endpoint.bits(), badged.bits())?;
    show(env, "own endpoint", endpoint.recv(reply));
    let badge = sel4::with_ipc_buffer(|buffer| buffer.caps_or_badges()[0]);
    env.trace(format_args!("badge {badge:#x}"));
    ensure!(badge == 0x99);
    Ok(())
}

fn ipc_capability_no_slot(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let frame = env.make::<cap_type::Granule>()?;
    let reply = env.reply()?;
    sel4::with_ipc_buffer_mut(|buffer| {
        let inner = buffer.inner_mut();
        (inner.receiveCNode, inner.receiveIndex, inner.receiveDepth) = (0, 0, 0);
    });
    let thread = env.thread(50)?;
    thread.start(giver, endpoint.bits(), frame.bits())?;
    show(env, "no receive slot", endpoint.recv(reply));
    Ok(())
}

fn ipc_capability_several(env: &mut Env) -> Outcome {
    /// Sends three: an endpoint's own, a frame, the endpoint's own again.
    fn body(buffer: &mut IpcBuffer, endpoint: u64, what: u64) {
        buffer
            .caps_or_badges_mut()
            .copy_from_slice(&[endpoint, what, endpoint]);
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(MessageInfo::new(1, 0, 3, 0));
    }
    /// Sends two frames: there is room for one.
    fn two(buffer: &mut IpcBuffer, endpoint: u64, what: u64) {
        buffer.caps_or_badges_mut()[..2].copy_from_slice(&[what, what]);
        cap::Endpoint::from_bits(endpoint)
            .with(buffer)
            .send(MessageInfo::new(1, 0, 2, 0));
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 3)?;
    let frame = env.make::<cap_type::Granule>()?;
    let reply = env.reply()?;
    let slot = env.take_slots(1);
    set_receive_slot(env, slot);
    let thread = env.thread(50)?;
    thread.start(body, badged.bits(), frame.bits())?;
    show(env, "three", endpoint.recv(reply));
    env.at_slot(slot).delete()?;
    let thread = env.thread(50)?;
    thread.start(two, badged.bits(), frame.bits())?;
    show(env, "two frames", endpoint.recv(reply));
    Ok(())
}

fn ipc_grant(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let frame = env.make::<cap_type::Granule>()?;
    let reply = env.reply()?;
    let slot = env.take_slots(1);
    set_receive_slot(env, slot);
    let no_grant = env.mint(endpoint, CapRights::read_write(), 5)?;
    let thread = env.thread(50)?;
    thread.start(giver, no_grant.bits(), frame.bits())?;
    show(env, "without grant", endpoint.recv(reply));
    ensure!(!is_there(env, sel4::CPtr::from_bits(slot as u64)));
    Ok(())
}

/// An answer gives a capability only to a caller whose own capability had grant.
fn ipc_grant_reply(env: &mut Env) -> Outcome {
    fn body(buffer: &mut IpcBuffer, endpoint: u64, slot: u64) {
        buffer.inner_mut().receiveCNode = 2;
        buffer.inner_mut().receiveIndex = slot;
        buffer.inner_mut().receiveDepth = 64;
        let answer = cap::Endpoint::from_bits(endpoint)
            .with(&mut *buffer)
            .call(message(1, 0));
        ANSWER.store(answer.extra_caps() as u64, SeqCst);
    }
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let frame = env.make::<cap_type::Granule>()?;
    let reply = env.reply()?;
    for (name, rights) in [
        ("grant", CapRights::new(false, true, false, true)),
        ("grant reply", CapRights::new(true, false, false, true)),
    ] {
        let with = env.mint(endpoint, rights, 5)?;
        let slot = env.take_slots(1);
        ANSWER.store(99, SeqCst);
        let thread = env.thread(50)?;
        thread.start(body, with.bits(), slot as u64)?;
        show(env, name, endpoint.recv(reply));
        sel4::with_ipc_buffer_mut(|buffer| buffer.caps_or_badges_mut()[0] = frame.bits());
        reply.send(MessageInfo::new(2, 0, 1, 0));
        env.settle();
        let there = is_there(env, sel4::CPtr::from_bits(slot as u64));
        env.trace(format_args!(
            "answer: caps {} there {there}",
            ANSWER.load(SeqCst)
        ));
    }
    Ok(())
}
