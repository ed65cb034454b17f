// SPDX-License-Identifier: BSD-2-Clause
//! Untypeds: which objects can be made from them, and which cannot.

use sel4::{
    CPtr, CapRights, Error, FrameObjectType, ObjectBlueprint, Word, cap, cap_type,
    sys::invocation_label,
};
use sel4_extra::CapExt;

use crate::{
    arch,
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
};

tests! { retype_each_type retype_many retype_sizes retype_errors retype_raw_errors retype_destination retype_capacity retype_alignment
retype_reset_after_revoke retype_while_children untyped_children untyped_device retype_clears_memory }

fn retype_each_type(env: &mut Env) -> Outcome {
    let all = [
        ("untyped", ObjectBlueprint::Untyped { size_bits: 12 }),
        ("tcb", ObjectBlueprint::Tcb),
        ("endpoint", ObjectBlueprint::Endpoint),
        ("notification", ObjectBlueprint::Notification),
        ("cnode", ObjectBlueprint::CNode { size_bits: 4 }),
        (
            "sched_context",
            ObjectBlueprint::SchedContext { size_bits: 8 },
        ),
        ("reply", ObjectBlueprint::Reply),
    ];
    for (name, blueprint) in all.into_iter().chain(arch::objects()) {
        let result = env
            .make_as::<cap_type::Unspecified>(env.pool(), blueprint)
            .map(|_| ());
        env.note(name, result);
    }
    Ok(())
}

fn retype_many(env: &mut Env) -> Outcome {
    for count in [0, 1, 2, 64, 256, 257] {
        let first = env.take_slots(count.max(1));
        let result = env.pool().untyped_retype(
            &ObjectBlueprint::Endpoint,
            &env.cnode_itself(),
            first,
            count,
        );
        env.trace(format_args!("count {count}"));
        env.note("retype", result);
        if result.is_ok() {
            ensure!(is_there(env, CPtr::from_bits((first + count - 1) as u64)));
        }
    }
    Ok(())
}

fn retype_sizes(env: &mut Env) -> Outcome {
    let untyped = env.untyped(20)?;
    for size_bits in [0, 3, 4, 5, 12, 19, 20, 21, 47, 48, 63, 64, 255] {
        let blueprint = ObjectBlueprint::Untyped { size_bits };
        env.trace(format_args!("bits {size_bits}"));
        for (what, blueprint) in [
            ("untyped", blueprint),
            ("cnode", ObjectBlueprint::CNode { size_bits }),
            ("sched_context", ObjectBlueprint::SchedContext { size_bits }),
        ] {
            let slot = env.take_slots(1);
            env.note(
                what,
                untyped.untyped_retype(&blueprint, &env.cnode_itself(), slot, 1),
            );
            env.at(untyped).revoke()?;
        }
    }
    Ok(())
}

fn retype_errors(env: &mut Env) -> Outcome {
    let untyped = env.untyped(12)?;
    let slot = env.take_slots(1);
    let page = FrameObjectType::GRANULE.blueprint();
    let itself = env.cnode_itself();
    env.expect(
        "fits",
        untyped.untyped_retype(&page, &itself, slot, 1),
        Ok(()),
    )?;
    let next = env.take_slots(1);
    env.expect(
        "full",
        untyped.untyped_retype(&page, &itself, next, 1),
        Err(Error::NotEnoughMemory),
    )?;
    let pool = env.pool();
    env.expect(
        "slot in use",
        pool.untyped_retype(&page, &itself, slot, 1),
        Err(Error::DeleteFirst),
    )?;
    env.note(
        "slot outside",
        pool.untyped_retype(&page, &itself, 1 << 17, 1),
    );
    env.note(
        "slots outside",
        pool.untyped_retype(&page, &itself, (1 << 17) - 1, 2),
    );
    let not_untyped = env.make::<cap_type::Tcb>()?.cast::<cap_type::Untyped>();
    env.note(
        "a thread invoked",
        not_untyped.untyped_retype(&page, &itself, next, 1),
    );
    let empty = env.slot::<cap_type::Untyped>();
    env.note(
        "an empty slot invoked",
        empty.untyped_retype(&page, &itself, next, 1),
    );
    Ok(())
}

/// The arguments that the typed call cannot get wrong.
fn retype_raw_errors(env: &mut Env) -> Outcome {
    let pool = env.pool();
    let slot = env.take_slots(1) as Word;
    let cnode = env.cnode().bits();
    let raw = |what: &str, caps: &[Word], words: &[Word]| {
        let result = pool.order(invocation_label::UntypedRetype, caps, words);
        env.note(what, result);
        let _ = env.at_slot(slot as usize).delete();
    };
    raw("type 13", &[cnode], &[13, 0, 0, 0, slot, 1]);
    raw("type 99", &[cnode], &[99, 0, 0, 0, slot, 1]);
    raw("type of all ones", &[cnode], &[Word::MAX, 0, 0, 0, slot, 1]);
    raw("size for an endpoint", &[cnode], &[2, 12, 0, 0, slot, 1]);
    raw("size of all ones", &[cnode], &[0, Word::MAX, 0, 0, slot, 1]);
    raw("5 words", &[cnode], &[2, 0, 0, 0, slot]);
    raw("no capability", &[], &[2, 0, 0, 0, slot, 1]);
    raw("7 words", &[cnode], &[2, 0, 0, 0, slot, 1, 9]);
    raw("offset of all ones", &[cnode], &[2, 0, 0, 0, Word::MAX, 1]);
    raw(
        "count of all ones",
        &[cnode],
        &[2, 0, 0, 0, slot, Word::MAX],
    );
    raw(
        "count over the end",
        &[cnode],
        &[2, 0, 0, 0, (1 << 17) - 10, 11],
    );
    let result = pool.order(999, &[cnode], &[0, 0, 0, 0, slot, 1]);
    env.note("label 999", result);
    let result = pool.order(0, &[], &[]);
    env.note("label 0", result);
    let result = pool.order(invocation_label::TCBResume, &[], &[]);
    env.note("a thread's label", result);
    Ok(())
}

/// Destinations: the CNode itself, or one found through it.
fn retype_destination(env: &mut Env) -> Outcome {
    let node: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let endpoint = ObjectBlueprint::Endpoint;
    let pool = env.pool();
    let itself = node.absolute_cptr_for_self();
    env.expect(
        "direct",
        pool.untyped_retype(&endpoint, &itself, 0, 2),
        Ok(()),
    )?;
    let found = env.cnode().absolute_cptr(node);
    env.expect(
        "found",
        pool.untyped_retype(&endpoint, &found, 2, 2),
        Ok(()),
    )?;
    env.expect(
        "in use",
        pool.untyped_retype(&endpoint, &found, 1, 1),
        Err(Error::DeleteFirst),
    )?;
    env.note(
        "one too many",
        pool.untyped_retype(&endpoint, &found, 4, 13),
    );
    env.note(
        "from the end on",
        pool.untyped_retype(&endpoint, &found, 16, 1),
    );
    let tcb = env.make::<cap_type::Tcb>()?;
    let found = env.cnode().absolute_cptr(tcb);
    env.note(
        "a thread found",
        pool.untyped_retype(&endpoint, &found, 0, 1),
    );
    let direct = tcb.cast::<cap_type::CNode>().absolute_cptr_for_self();
    env.note(
        "a thread as root",
        pool.untyped_retype(&endpoint, &direct, 0, 1),
    );
    let empty = env.slot::<cap_type::CNode>();
    let found = env.cnode().absolute_cptr(empty);
    env.note(
        "an empty slot found",
        pool.untyped_retype(&endpoint, &found, 0, 1),
    );
    env.note(
        "an empty slot as root",
        pool.untyped_retype(&endpoint, &empty.absolute_cptr_for_self(), 0, 1),
    );
    for depth in [1, 17, 63, 65, 200] {
        env.trace(format_args!("depth {depth}"));
        let found = env
            .cnode()
            .absolute_cptr_from_bits_with_depth(node.bits(), depth);
        env.note("found", pool.untyped_retype(&endpoint, &found, 8, 1));
    }
    Ok(())
}

/// A half-full untyped: what is aligned costs what it skips.
fn retype_capacity(env: &mut Env) -> Outcome {
    let untyped = env.untyped(14)?;
    let itself = env.cnode_itself();
    let mut count = 0;
    loop {
        let slot = env.take_slots(1);
        let blueprint = ObjectBlueprint::Tcb;
        let result = untyped.untyped_retype(&blueprint, &itself, slot, 1);
        if result.is_err() {
            env.trace(format_args!("{count} threads"));
            env.note("then", result);
            return Ok(());
        }
        count += 1;
    }
}

fn retype_alignment(env: &mut Env) -> Outcome {
    let untyped = env.untyped(13)?;
    let itself = env.cnode_itself();
    let first = env.take_slots(5);
    let endpoint = ObjectBlueprint::Endpoint;
    let page = FrameObjectType::GRANULE.blueprint();
    env.expect(
        "16 bytes",
        untyped.untyped_retype(&endpoint, &itself, first, 1),
        Ok(()),
    )?;
    env.expect(
        "a page",
        untyped.untyped_retype(&page, &itself, first + 1, 1),
        Ok(()),
    )?;
    env.note(
        "16 bytes more",
        untyped.untyped_retype(&endpoint, &itself, first + 2, 1),
    );
    let other = env.untyped(13)?;
    env.expect(
        "16 bytes",
        other.untyped_retype(&endpoint, &itself, first + 3, 1),
        Ok(()),
    )?;
    env.note(
        "two pages",
        other.untyped_retype(&page, &itself, first + 4, 2),
    );
    Ok(())
}

fn retype_reset_after_revoke(env: &mut Env) -> Outcome {
    let untyped = env.untyped(14)?;
    for round in 0..3 {
        let page = env.make_from::<cap_type::Granule>(untyped)?;
        let all = env.slot::<cap_type::Untyped>();
        let blueprint = ObjectBlueprint::Untyped { size_bits: 14 };
        let itself = env.cnode_itself();
        env.trace(format_args!("round {round}"));
        let at = all.bits() as usize;
        env.note(
            "with a child",
            untyped.untyped_retype(&blueprint, &itself, at, 1),
        );
        // Deleting the last child is as good as a revoke.
        if round == 0 {
            env.at(page).delete()?;
        } else {
            env.at(untyped).revoke()?;
        }
        ensure!(!is_there(env, page.cptr()));
        env.expect(
            "whole again",
            untyped.untyped_retype(&blueprint, &itself, at, 1),
            Ok(()),
        )?;
        env.at(untyped).revoke()?;
    }
    Ok(())
}

/// An untyped with children can neither be copied nor reset.
fn retype_while_children(env: &mut Env) -> Outcome {
    let untyped = env.untyped(16)?;
    let copy = env.slot::<cap_type::Untyped>();
    let all = CapRights::all;
    env.expect(
        "copy without children",
        env.at(copy).copy(&env.at(untyped), all()),
        Ok(()),
    )?;
    // The two are siblings or parent and child: whichever is used, the other must not be.
    let slot = env.take_slots(2);
    let itself = env.cnode_itself();
    let endpoint = ObjectBlueprint::Endpoint;
    env.note(
        "retype the original",
        untyped.untyped_retype(&endpoint, &itself, slot, 1),
    );
    env.note(
        "retype the copy",
        copy.untyped_retype(&endpoint, &itself, slot + 1, 1),
    );
    env.at(untyped).revoke()?;
    env.trace(format_args!(
        "copy there after revoke: {}",
        is_there(env, copy.cptr())
    ));
    let _ = env.at(copy).delete();
    let _child = env.make_from::<cap_type::Endpoint>(untyped)?;
    env.expect(
        "copy with a child",
        env.at(copy).copy(&env.at(untyped), all()),
        Err(Error::RevokeFirst),
    )?;
    env.note(
        "mint with a child",
        env.at(copy).mint(&env.at(untyped), all(), 0),
    );
    env.note("move with a child", env.at(copy).move_(&env.at(untyped)));
    Ok(())
}

/// Three generations; a revoke in the middle leaves what is above.
fn untyped_children(env: &mut Env) -> Outcome {
    let top = env.untyped(18)?;
    let middle: cap::Untyped = env.make_as(top, ObjectBlueprint::Untyped { size_bits: 16 })?;
    let low: cap::Untyped = env.make_as(middle, ObjectBlueprint::Untyped { size_bits: 14 })?;
    let endpoint = env.make_from::<cap_type::Endpoint>(low)?;
    let copy = env.copy(endpoint)?;
    let beside = env.make_from::<cap_type::Endpoint>(top)?;
    env.expect("revoke the middle", env.at(middle).revoke(), Ok(()))?;
    ensure!(is_there(env, middle.cptr()) && is_there(env, beside.cptr()));
    ensure!(!is_there(env, low.cptr()) && !is_there(env, endpoint.cptr()));
    ensure!(!is_there(env, copy.cptr()));
    env.expect("delete the top", env.at(top).delete(), Ok(()))?;
    // Its children are its parent's now.
    ensure!(is_there(env, middle.cptr()));
    let _ = env.make_from::<cap_type::Endpoint>(middle)?;
    Ok(())
}

fn untyped_device(env: &mut Env) -> Outcome {
    // What is left of the UART's surroundings: the other half of the last split.
    let (mut untyped, mut found) = (cap::Untyped::from_bits(0), false);
    for slot in env.boot_slots() {
        let candidate = cap::Untyped::from_bits(slot as u64);
        let at = env.take_slots(1);
        let itself = env.cnode_itself();
        // Only a device untyped refuses an endpoint and takes a page.
        let refused = candidate.untyped_retype(&ObjectBlueprint::Endpoint, &itself, at, 1);
        let _ = env.at_slot(at).delete();
        let page = FrameObjectType::GRANULE.blueprint();
        if refused == Err(Error::InvalidArgument)
            && candidate.untyped_retype(&page, &itself, at, 1).is_ok()
        {
            let _ = env.at_slot(at).delete();
            (untyped, found) = (candidate, true);
            break;
        }
    }
    ensure!(found, "no device untyped");
    let itself = env.cnode_itself();
    let refused = [
        ("endpoint", ObjectBlueprint::Endpoint),
        ("cnode", ObjectBlueprint::CNode { size_bits: 4 }),
        ("tcb", ObjectBlueprint::Tcb),
    ];
    let made = [
        ("untyped", ObjectBlueprint::Untyped { size_bits: 12 }),
        ("small_page", FrameObjectType::GRANULE.blueprint()),
    ];
    let all = refused.into_iter().chain(arch::not_of_device_memory());
    for (name, blueprint) in all.chain(made) {
        let at = env.take_slots(1);
        env.note(name, untyped.untyped_retype(&blueprint, &itself, at, 1));
        let _ = env.at_slot(at).delete();
    }
    Ok(())
}

fn retype_clears_memory(env: &mut Env) -> Outcome {
    use crate::env::WINDOW;
    let untyped = env.untyped(12)?;
    env.map_tables(env.vspace(), WINDOW)?;
    for _ in 0..2 {
        let page = env.make_from::<cap_type::Granule>(untyped)?;
        let (rights, attributes) = (CapRights::read_write(), Default::default());
        page.frame_map(env.vspace(), WINDOW, rights, attributes)?;
        let words = core::ptr::with_exposed_provenance_mut::<[u64; 512]>(WINDOW);
        // SAFETY: the page was just mapped there, for this test alone.
        let dirty = unsafe {
            let dirty = words
                .read_volatile()
                .iter()
                .filter(|word| **word != 0)
                .count();
            words.write_volatile([u64::MAX; 512]);
            dirty
        };
        env.trace(format_args!("words not 0: {dirty}"));
        ensure!(dirty == 0);
        env.at(untyped).revoke()?;
    }
    Ok(())
}
