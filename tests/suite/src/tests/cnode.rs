// SPDX-License-Identifier: BSD-2-Clause
//! CNodes: copying, moving and deleting capabilities.

use sel4::{CapRights, Error, ObjectBlueprint, cap, cap_type};
use sel4_extra::AbsoluteCPtrExt;

use crate::{
    env::{Env, is_there},
    test::{Outcome, ensure, tests},
};

tests! { cnode_copy cnode_copy_errors cnode_mint cnode_move cnode_mutate cnode_rotate cnode_delete cnode_nested cnode_guard cnode_depth }

fn cnode_copy(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let copy = env.slot::<cap_type::Endpoint>();
    env.expect(
        "copy",
        env.at(copy).copy(&env.at(endpoint), CapRights::all()),
        Ok(()),
    )?;
    ensure!(is_there(env, copy.cptr()));
    env.expect(
        "onto itself",
        env.at(copy).copy(&env.at(copy), CapRights::all()),
        Err(Error::DeleteFirst),
    )
}

fn cnode_copy_errors(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let other = env.make::<cap_type::Notification>()?;
    let (empty, free) = (
        env.slot::<cap_type::Endpoint>(),
        env.slot::<cap_type::Endpoint>(),
    );
    let all = CapRights::all;
    env.expect(
        "used",
        env.at(other).copy(&env.at(endpoint), all()),
        Err(Error::DeleteFirst),
    )?;
    env.expect(
        "empty",
        env.at(free).copy(&env.at(empty), all()),
        Err(Error::FailedLookup),
    )?;
    let out = env.cnode().absolute_cptr_from_bits_with_depth(1 << 20, 64);
    env.note("source out of range", env.at(free).copy(&out, all()));
    env.note(
        "destination out of range",
        out.copy(&env.at(endpoint), all()),
    );
    let tcb = env.make::<cap_type::Tcb>()?;
    let not_a_cnode = tcb.cast::<cap_type::CNode>().absolute_cptr(endpoint);
    env.note(
        "no CNode invoked",
        not_a_cnode.copy(&env.at(endpoint), all()),
    );
    env.note("no CNode as source", env.at(free).copy(&not_a_cnode, all()));
    let nothing = empty.cast::<cap_type::CNode>().absolute_cptr(endpoint);
    env.note("empty slot invoked", nothing.copy(&env.at(endpoint), all()));
    ensure!(!is_there(env, free.cptr()));
    Ok(())
}

fn cnode_mint(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let badged = env.mint(endpoint, CapRights::all(), 0x1234)?;
    let free = env.slot::<cap_type::Endpoint>();
    let all = CapRights::all;
    env.note(
        "badge on a badged one",
        env.at(free).mint(&env.at(badged), all(), 5),
    );
    env.note(
        "no badge on a badged one",
        env.at(free).mint(&env.at(badged), all(), 0),
    );
    let _ = env.at(free).delete();
    let reply = env.reply()?;
    env.note(
        "badge on a reply",
        env.at(free).mint(&env.at(reply), all(), 5),
    );
    let _ = env.at(free).delete();
    let tcb = env.make::<cap_type::Tcb>()?;
    env.note(
        "badge on a thread",
        env.at(free).mint(&env.at(tcb), all(), 5),
    );
    let _ = env.at(free).delete();
    env.note(
        "badge of all ones",
        env.at(free).mint(&env.at(endpoint), all(), u64::MAX),
    );
    Ok(())
}

fn cnode_move(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let there = env.slot::<cap_type::Endpoint>();
    env.expect("move", env.at(there).move_(&env.at(endpoint)), Ok(()))?;
    ensure!(is_there(env, there.cptr()) && !is_there(env, endpoint.cptr()));
    env.expect(
        "again",
        env.at(there).move_(&env.at(endpoint)),
        Err(Error::DeleteFirst),
    )?;
    let free = env.slot::<cap_type::Endpoint>();
    env.expect(
        "empty",
        env.at(free).move_(&env.at(endpoint)),
        Err(Error::FailedLookup),
    )?;
    env.note("onto itself", env.at(there).move_(&env.at(there)));
    Ok(())
}

fn cnode_mutate(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let there = env.slot::<cap_type::Endpoint>();
    env.note(
        "badge on an original",
        env.at(there).mutate(&env.at(endpoint), 7),
    );
    let node =
        env.make_as::<cap_type::CNode>(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let moved = env.slot::<cap_type::CNode>();
    let data = sel4::CNodeCapData::skip_high_bits(4).into_word();
    env.expect("guard", env.at(moved).mutate(&env.at(node), data), Ok(()))?;
    ensure!(!is_there(env, node.cptr()));
    Ok(())
}

fn cnode_rotate(env: &mut Env) -> Outcome {
    let (a, b) = (
        env.make::<cap_type::Tcb>()?,
        env.make::<cap_type::Granule>()?,
    );
    let free = env.slot::<cap_type::Tcb>();
    // a's capability goes to the free slot, b's to a's.
    env.expect("three", rotate(env, free, a, b.cast()), Ok(()))?;
    ensure!(is_there(env, free.cptr()) && is_there(env, a.cptr()) && !is_there(env, b.cptr()));
    env.expect("swap", rotate(env, free, a, free), Ok(()))?;
    ensure!(is_there(env, free.cptr()) && is_there(env, a.cptr()));
    env.note("pivot is destination", rotate(env, a, a, free));
    env.note("pivot is source", rotate(env, b.cast(), a, a));
    env.note("empty source", rotate(env, free, a, b.cast()));
    env.note("empty pivot", rotate(env, b.cast(), b.cast(), a));
    let copy = env.copy(a)?;
    env.note("used destination", rotate(env, copy, a, free));
    let endpoint = env.make::<cap_type::Endpoint>()?;
    env.note("an endpoint", rotate(env, b.cast(), endpoint.cast(), a));
    Ok(())
}

fn rotate(env: &Env, dest: cap::Tcb, pivot: cap::Tcb, src: cap::Tcb) -> sel4::Result<()> {
    env.at(dest).rotate(0, &env.at(pivot), 0, &env.at(src))
}

fn cnode_delete(env: &mut Env) -> Outcome {
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let copy = env.copy(endpoint)?;
    env.expect("original", env.at(endpoint).delete(), Ok(()))?;
    ensure!(is_there(env, copy.cptr()));
    env.expect("empty slot", env.at(endpoint).delete(), Ok(()))?;
    let out = env.cnode().absolute_cptr_from_bits_with_depth(0, 65);
    env.note("depth 65", out.delete());
    let out = env.cnode().absolute_cptr_from_bits_with_depth(1, 0);
    env.note("depth 0", out.delete());
    Ok(())
}

/// Two levels: slots of a CNode in a slot.
fn cnode_nested(env: &mut Env) -> Outcome {
    let all = CapRights::all;
    let node: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let inner = node.absolute_cptr_from_bits_with_depth(3, 4);
    env.expect("copy in", inner.copy(&env.at(endpoint), all()), Ok(()))?;
    env.expect(
        "used",
        inner.copy(&env.at(endpoint), all()),
        Err(Error::DeleteFirst),
    )?;
    let free = env.slot::<cap_type::Endpoint>();
    env.expect("move out", env.at(free).move_(&inner), Ok(()))?;
    env.note(
        "slot 16 of 16",
        node.absolute_cptr_from_bits_with_depth(16, 4)
            .copy(&env.at(free), all()),
    );
    env.note(
        "depth 3",
        node.absolute_cptr_from_bits_with_depth(3, 3)
            .copy(&env.at(free), all()),
    );
    env.note(
        "depth 5",
        node.absolute_cptr_from_bits_with_depth(3, 5)
            .copy(&env.at(free), all()),
    );
    env.note(
        "a CNode into itself",
        node.absolute_cptr_from_bits_with_depth(0, 4)
            .copy(&env.at(node), all()),
    );
    env.expect("delete it all", env.at(node).delete(), Ok(()))
}

fn cnode_guard(env: &mut Env) -> Outcome {
    let all = CapRights::all;
    let node: cap::CNode = env.make_as(env.pool(), ObjectBlueprint::CNode { size_bits: 4 })?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let guarded = env.slot::<cap_type::CNode>();
    let data = sel4::CNodeCapData::new(0b101, 60).into_word();
    env.expect(
        "mint",
        env.at(guarded).mint(&env.at(node), all(), data),
        Ok(()),
    )?;
    let inner = guarded.absolute_cptr_from_bits_with_depth(0b101 << 4 | 2, 64);
    env.expect(
        "through the guard",
        inner.copy(&env.at(endpoint), all()),
        Ok(()),
    )?;
    env.expect(
        "seen without it",
        node.absolute_cptr_from_bits_with_depth(2, 4)
            .copy(&env.at(endpoint), all()),
        Err(Error::DeleteFirst),
    )?;
    let wrong = guarded.absolute_cptr_from_bits_with_depth(0b100 << 4 | 2, 64);
    env.note("wrong guard", wrong.copy(&env.at(endpoint), all()));
    let free = env.slot::<cap_type::Endpoint>();
    env.note("wrong guard as source", env.at(free).copy(&wrong, all()));
    let too_long = sel4::CNodeCapData::new(0, 61).into_word();
    let other = env.slot::<cap_type::CNode>();
    env.note(
        "guard too long",
        env.at(other).mint(&env.at(node), all(), too_long),
    );
    Ok(())
}

fn cnode_depth(env: &mut Env) -> Outcome {
    let all = CapRights::all;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let free = env.take_slots(1);
    for depth in [0, 1, 16, 17, 46, 47, 63, 64, 65, 255] {
        let slot = env
            .cnode()
            .absolute_cptr_from_bits_with_depth(free as u64, depth);
        env.trace(format_args!("depth {depth}"));
        env.note("copy", slot.copy(&env.at(endpoint), all()));
        let _ = env.at_slot(free).delete();
    }
    Ok(())
}
