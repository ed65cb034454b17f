// SPDX-License-Identifier: BSD-2-Clause
//! The cost of the operations that a swap uses: prints lines `cost OPERATION: N`, and no trace, because the
//! kernels differ.
//!
//! An OPERATION on several objects ends in their number, in parentheses. N is instructions if the
//! machine counts them (QEMU's `-icount shift=0`: one is a nanosecond of the counter), and nanoseconds
//! otherwise. The few instructions of the system call's stub are included; they are the same on
//! either kernel. An operation is repeated in rounds, and the rounds' median is printed, so that neither
//! the warm-up in the first round nor an interrupt in another one has an effect.

use core::ops::Range;

use molt_clock::{Frequency, Ticks};
use sel4::{
    Cap, CapRights, IpcBuffer, MessageInfo, ObjectBlueprint, ObjectBlueprintArch, cap, cap_type,
};
use sel4_extra::SchedContextExt;

use crate::{
    console::println,
    env::{Env, WINDOW},
    guest::Guest,
    memory, snippets as code,
    test::{Outcome, tests},
    thread,
};

tests! { cost_notify cost_call cost_fault cost_vcpu cost_copy cost_map cost_retype cost_revoke }

const ROUNDS: usize = 9;
/// Operations timed at once, so that the counter's step of 16 ns does not show.
const BATCH: u64 = 64;
/// Of how many objects the operations are measured whose cost grows with them.
const SIZES: [usize; 3] = [1, 16, 256];

/// A message without words.
fn empty() -> MessageInfo {
    MessageInfo::new(0, 0, 0, 0)
}

/// How long `operation` takes.
fn timed(operation: impl FnOnce() -> sel4::Result<()>) -> sel4::Result<Ticks> {
    let start = molt_clock::now();
    operation()?;
    Ok(molt_clock::now().since(start))
}

/// Prints the cost of one of the `count` operations that each `round` gives the time of.
fn cost(
    what: core::fmt::Arguments<'_>,
    count: u64,
    mut round: impl FnMut() -> sel4::Result<Ticks>,
) -> Outcome {
    let clock = Frequency::of_this_machine();
    let mut each = [0; ROUNDS];
    for time in &mut each {
        *time = clock.ns(round()?) / count;
    }
    each.sort_unstable();
    println!("cost {what}: {}", each[ROUNDS / 2]);
    Ok(())
}

/// [`cost`] of an operation that can be repeated as it is.
fn repeated(what: &str, mut operation: impl FnMut()) -> Outcome {
    cost(format_args!("{what}"), BATCH, || {
        timed(|| {
            (0..BATCH).for_each(|_| operation());
            Ok(())
        })
    })
}

/// Signals `second` whenever `first` is signalled.
fn echo(buffer: &mut IpcBuffer, first: u64, second: u64) {
    loop {
        cap::Notification::from_bits(first)
            .with(&mut *buffer)
            .wait();
        cap::Notification::from_bits(second)
            .with(&mut *buffer)
            .signal();
    }
}

fn cost_notify(env: &mut Env) -> Outcome {
    let there = env.make::<cap_type::Notification>()?;
    let back = env.make::<cap_type::Notification>()?;
    repeated("signal, nobody waits", || there.signal())?;
    there.poll();
    let thread = env.thread(50)?;
    thread.start(echo, there.bits(), back.bits())?;
    repeated("signal and wait, there and back", || {
        there.signal();
        back.wait();
    })
}

fn cost_call(env: &mut Env) -> Outcome {
    let (endpoint, reply) = (env.make::<cap_type::Endpoint>()?, env.reply()?);
    let context = env.sched_context(100_000, 100_000)?;
    let server = env.thread_with(50, context, Cap::from_bits(0))?;
    server.start(thread::answer, endpoint.bits(), reply.bits())?;
    env.settle();
    repeated("call and reply", || {
        endpoint.call(empty());
    })?;
    context.unbind_object(server.tcb.cast())?;
    repeated("call and reply, passive server", || {
        endpoint.call(empty());
    })
}

fn cost_fault(env: &mut Env) -> Outcome {
    let (endpoint, reply) = (env.make::<cap_type::Endpoint>()?, env.reply()?);
    let patient = env.thread_faulting_to(50, endpoint)?;
    // Nothing is mapped there: after each answer it faults again.
    patient.start_at(code::read as *const () as u64, WINDOW as u64)?;
    endpoint.recv(reply);
    repeated("fault and reply", || {
        endpoint.reply_recv(empty(), reply);
    })
}

fn cost_vcpu(env: &mut Env) -> Outcome {
    let guest = Guest::new(env)?;
    let pc = guest.place(env, code::guest_monitor_calls)?;
    guest.start(pc, &[])?;
    guest.endpoint.recv(guest.reply);
    repeated("vCPU exit and resume", || {
        guest.endpoint.reply_recv(empty(), guest.reply);
    })
}

/// The page whose capability is in the slot.
fn page(slot: usize) -> cap::Granule {
    Cap::from_bits(slot as u64)
}

/// Maps the pages in these slots side by side.
fn map_all(env: &Env, slots: Range<usize>) -> sel4::Result<()> {
    let addresses = (WINDOW..).step_by(1 << 12);
    (slots.zip(addresses)).try_for_each(|(slot, at)| memory::map(env.vspace(), page(slot), at))
}

/// Copies the page into each of these slots.
fn copy_all(env: &Env, frame: cap::Granule, slots: Range<usize>) -> sel4::Result<()> {
    slots
        .into_iter()
        .try_for_each(|slot| (env.at_slot(slot)).copy(&env.at(frame), CapRights::all()))
}

fn cost_copy(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    let slots = env.take_range(BATCH as usize);
    let delete = || (slots.clone()).try_for_each(|slot| env.at_slot(slot).delete());
    cost(format_args!("copy"), BATCH, || {
        let time = timed(|| copy_all(env, frame, slots.clone()))?;
        delete()?;
        Ok(time)
    })?;
    cost(format_args!("delete"), BATCH, || {
        copy_all(env, frame, slots.clone())?;
        timed(delete)
    })
}

fn cost_map(env: &mut Env) -> Outcome {
    let slots = env.take_range(BATCH as usize);
    let pages = ObjectBlueprint::from(ObjectBlueprintArch::SmallPage);
    (env.pool()).untyped_retype(&pages, &env.cnode_itself(), slots.start, slots.len())?;
    env.map_tables(env.vspace(), WINDOW)?;
    let unmap = || (slots.clone()).try_for_each(|slot| page(slot).frame_unmap());
    cost(format_args!("map"), BATCH, || {
        let time = timed(|| map_all(env, slots.clone()))?;
        unmap()?;
        Ok(time)
    })?;
    cost(format_args!("unmap"), BATCH, || {
        map_all(env, slots.clone())?;
        timed(unmap)
    })
}

/// Pages out of an untyped of just their size, which is cleared each time; then all of them back.
fn cost_retype(env: &mut Env) -> Outcome {
    let pages = ObjectBlueprint::from(ObjectBlueprintArch::SmallPage);
    for size in SIZES {
        let slot = env.take_range(size).start;
        let untyped = env.untyped(12 + size.ilog2() as usize)?;
        let make = || untyped.untyped_retype(&pages, &env.cnode_itself(), slot, size);
        let take_back = || env.at(untyped).revoke();
        cost(format_args!("retype of pages ({size})"), 1, || {
            let time = timed(make)?;
            take_back()?;
            Ok(time)
        })?;
        cost(format_args!("revoke of pages ({size})"), 1, || {
            make()?;
            timed(take_back)
        })?;
    }
    Ok(())
}

/// All mapped copies of a page taken away by one call on the original.
fn cost_revoke(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    for size in SIZES {
        let slots = env.take_range(size);
        cost(format_args!("revoke of mappings ({size})"), 1, || {
            copy_all(env, frame, slots.clone())?;
            map_all(env, slots.clone())?;
            timed(|| env.at(frame).revoke())
        })?;
    }
    Ok(())
}
