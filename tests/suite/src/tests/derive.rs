// SPDX-License-Identifier: BSD-2-Clause
//! Derivation: what a revoke takes away, and what it leaves.

use sel4::{CapRights, Error, ObjectBlueprint, cap, cap_type, init_thread::slot};
use sel4_extra::AbsoluteCPtrExt;

use crate::{
    arch,
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
};

tests! { revoke_frame_copies revoke_badges revoke_copy_is_no_parent revoke_moved revoke_unbadged_copy revoke_cnode revoke_empty
revoke_irq_handler revoke_across_cnodes revoke_reply revoke_sched_context delete_original_of_copies revoke_self_containing cancel_badged_sends_errors }

fn revoke_frame_copies(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::Granule>()?;
    let first = env.copy(frame)?;
    let second = env.copy(first)?;
    let third = env.mint(frame, CapRights::read_only(), 0)?;
    env.expect("revoke a copy", env.at(first).revoke(), Ok(()))?;
    env.trace(format_args!(
        "copy of the copy there: {}",
        is_there(env, second.cptr())
    ));
    env.expect("revoke the original", env.at(frame).revoke(), Ok(()))?;
    ensure!(is_there(env, frame.cptr()));
    for copy in [first, second, third] {
        ensure!(!is_there(env, copy.cptr()));
    }
    Ok(())
}

fn revoke_badges(env: &mut Env) -> Outcome {
    let all = CapRights::all;
    let original = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(original, all(), 1)?;
    let copy_of_badged = env.copy(badged)?;
    let other = env.mint(original, all(), 2)?;
    let plain = env.copy(original)?;
    env.expect("revoke badge 1", env.at(badged).revoke(), Ok(()))?;
    for (name, cap) in [
        ("copy of badge 1", copy_of_badged),
        ("badge 2", other),
        ("plain copy", plain),
    ] {
        env.trace(format_args!("{name} there: {}", is_there(env, cap.cptr())));
    }
    env.expect("revoke the original", env.at(original).revoke(), Ok(()))?;
    for cap in [badged, copy_of_badged, other, plain] {
        ensure!(!is_there(env, cap.cptr()));
    }
    Ok(())
}

fn revoke_copy_is_no_parent(env: &mut Env) -> Outcome {
    let tcb = env.make::<cap_type::Tcb>()?;
    let copy = env.copy(tcb)?;
    let copy_of_copy = env.copy(copy)?;
    env.at(copy).revoke()?;
    env.trace(format_args!(
        "copy of the copy there: {}",
        is_there(env, copy_of_copy.cptr())
    ));
    env.trace(format_args!(
        "original there: {}",
        is_there(env, tcb.cptr())
    ));
    let badged = env.make::<cap_type::Endpoint>()?;
    let minted = env.mint(badged, CapRights::all(), 3)?;
    let copied = env.copy(minted)?;
    env.at(copied).revoke()?;
    env.trace(format_args!(
        "badged one there: {}",
        is_there(env, minted.cptr())
    ));
    Ok(())
}

fn revoke_moved(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::Granule>()?;
    let copy = env.copy(frame)?;
    let moved = env.slot::<cap_type::Granule>();
    env.at(moved).move_(&env.at(frame))?;
    let (moved_copy, later) = (env.slot::<cap_type::Granule>(), env.copy(moved)?);
    env.at(moved_copy).move_(&env.at(copy))?;
    env.expect("revoke", env.at(moved).revoke(), Ok(()))?;
    ensure!(!is_there(env, moved_copy.cptr()) && !is_there(env, later.cptr()));
    ensure!(is_there(env, moved.cptr()));
    Ok(())
}

/// A plain copy of an original endpoint: what its own revoke reaches.
fn revoke_unbadged_copy(env: &mut Env) -> Outcome {
    let all = CapRights::all;
    let original = env.make::<cap_type::Endpoint>()?;
    let plain = env.copy(original)?;
    let from_plain = env.slot::<cap_type::Endpoint>();
    env.note(
        "badge on a plain copy",
        env.at(from_plain).mint(&env.at(plain), all(), 9),
    );
    env.at(plain).revoke()?;
    env.trace(format_args!(
        "minted from it there: {}",
        is_there(env, from_plain.cptr())
    ));
    env.trace(format_args!(
        "original there: {}",
        is_there(env, original.cptr())
    ));
    Ok(())
}

/// A CNode's capability is revoked: its copies go, what it holds stays. It is deleted: all goes.
fn revoke_cnode(env: &mut Env) -> Outcome {
    let node: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 5 })?;
    let copy = env.copy(node)?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let inner = node.absolute_cptr_from_bits_with_depth(7, 5);
    inner.copy(&env.at(endpoint), CapRights::all())?;
    env.expect("revoke", env.at(node).revoke(), Ok(()))?;
    ensure!(!is_there(env, copy.cptr()));
    let free = env.slot::<cap_type::Endpoint>();
    env.expect(
        "still in it",
        env.at(free).copy(&inner, CapRights::all()),
        Ok(()),
    )?;
    env.expect("delete", env.at(node).delete(), Ok(()))?;
    env.expect(
        "no longer",
        env.at(env.cnode()).copy(&inner, CapRights::all()),
        Err(Error::InvalidCapability),
    )
    .or_else(|_| {
        env.trace(format_args!("another error"));
        Ok(())
    })
}

fn revoke_empty(env: &mut Env) -> Outcome {
    let empty = env.slot::<cap_type::Endpoint>();
    env.note("empty slot", env.at(empty).revoke());
    let frame = env.make::<cap_type::Granule>()?;
    env.expect("no children", env.at(frame).revoke(), Ok(()))
}

fn revoke_irq_handler(env: &mut Env) -> Outcome {
    let handler = env.slot::<cap_type::IrqHandler>();
    arch::spare_interrupt(&env.at(handler))?;
    let copy = env.copy(handler)?;
    let copy_of_copy = env.copy(copy)?;
    env.expect("revoke a copy", env.at(copy).revoke(), Ok(()))?;
    env.trace(format_args!(
        "copy of the copy there: {}",
        is_there(env, copy_of_copy.cptr())
    ));
    env.expect("revoke the original", env.at(handler).revoke(), Ok(()))?;
    env.trace(format_args!(
        "there: original {} copy {}",
        is_there(env, handler.cptr()),
        is_there(env, copy.cptr())
    ));
    env.note("acknowledge the copy", copy.irq_handler_ack());
    Ok(())
}

fn revoke_across_cnodes(env: &mut Env) -> Outcome {
    let a: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let b: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let frame = env.make::<cap_type::LargePage>()?;
    let in_a = a.absolute_cptr_from_bits_with_depth(1, 4);
    let in_b = b.absolute_cptr_from_bits_with_depth(2, 4);
    in_a.copy(&env.at(frame), CapRights::all())?;
    in_b.copy(&in_a, CapRights::read_only())?;
    env.expect("revoke", env.at(frame).revoke(), Ok(()))?;
    for (name, slot) in [("a", in_a), ("b", in_b)] {
        let free = env.slot::<cap_type::LargePage>();
        env.expect(
            name,
            env.at(free).copy(&slot, CapRights::all()),
            Err(Error::FailedLookup),
        )?;
    }
    Ok(())
}

fn revoke_reply(env: &mut Env) -> Outcome {
    let reply = env.reply()?;
    let copy = env.slot::<cap_type::Reply>();
    env.note(
        "copy a reply",
        env.at(copy).copy(&env.at(reply), CapRights::all()),
    );
    env.note("revoke", env.at(reply).revoke());
    env.trace(format_args!("copy there: {}", is_there(env, copy.cptr())));
    Ok(())
}

fn revoke_sched_context(env: &mut Env) -> Outcome {
    let context = env.sched_context(1000, 1000)?;
    let copy = env.copy(context)?;
    env.expect("revoke", env.at(context).revoke(), Ok(()))?;
    ensure!(!is_there(env, copy.cptr()));
    let control = env.slot::<cap_type::SchedControl>();
    env.note(
        "copy SchedControl",
        env.at(control)
            .copy(&env.at(env.sched_control), CapRights::all()),
    );
    let irq = env.slot::<cap_type::IrqControl>();
    env.note(
        "copy IRQControl",
        env.at(irq)
            .copy(&env.at(slot::IRQ_CONTROL.cap()), CapRights::all()),
    );
    let asid = env.slot::<cap_type::AsidControl>();
    env.note(
        "copy ASIDControl",
        env.at(asid)
            .copy(&env.at(slot::ASID_CONTROL.cap()), CapRights::all()),
    );
    let pool = env.slot::<cap_type::AsidPool>();
    env.note(
        "copy ASID pool",
        env.at(pool)
            .copy(&env.at(slot::ASID_POOL.cap()), CapRights::all()),
    );
    Ok(())
}

/// The original goes first: its copies live on, and nothing but the untyped ends them.
fn delete_original_of_copies(env: &mut Env) -> Outcome {
    let untyped = env.untyped(16)?;
    let endpoint = env.make_from::<cap_type::Endpoint>(untyped)?;
    let (a, b) = (
        env.copy(endpoint)?,
        env.mint(endpoint, CapRights::all(), 4)?,
    );
    env.expect("delete the original", env.at(endpoint).delete(), Ok(()))?;
    env.at(a).revoke()?;
    env.trace(format_args!(
        "badged one after the copy's revoke: {}",
        is_there(env, b.cptr())
    ));
    env.expect("revoke the untyped", env.at(untyped).revoke(), Ok(()))?;
    ensure!(!is_there(env, a.cptr()) && !is_there(env, b.cptr()));
    Ok(())
}

/// A CNode that holds a capability to itself is deleted with its untyped.
fn revoke_self_containing(env: &mut Env) -> Outcome {
    let untyped = env.untyped(16)?;
    let node: cap::CNode = env.make_as(untyped, ObjectBlueprint::CNode { size_bits: 4 })?;
    let inside = node.absolute_cptr_from_bits_with_depth(1, 4);
    inside.copy(&env.at(node), CapRights::all())?;
    let moved = node.absolute_cptr_from_bits_with_depth(2, 4);
    env.expect(
        "its own original into it",
        moved.move_(&env.at(node)),
        Err(Error::FailedLookup),
    )
    .or_else(|_| {
        env.trace(format_args!("it was moved"));
        Ok::<(), crate::test::Failure>(())
    })?;
    env.expect("revoke", env.at(untyped).revoke(), Ok(()))?;
    let whole = ObjectBlueprint::Untyped { size_bits: 16 };
    let _: cap::Untyped = env.make_as(untyped, whole)?;
    Ok(())
}

fn cancel_badged_sends_errors(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 1)?;
    let notification = env.make::<cap_type::Notification>()?;
    let weak = env.mint(endpoint, CapRights::write_only(), 1)?;
    env.note("without a badge", env.at(endpoint).cancel_badged_sends());
    env.note("with a badge", env.at(badged).cancel_badged_sends());
    env.note("a notification", env.at(notification).cancel_badged_sends());
    env.note("without all rights", env.at(weak).cancel_badged_sends());
    Ok(())
}
