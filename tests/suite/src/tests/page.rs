// SPDX-License-Identifier: BSD-2-Clause
//! Pages: mapping, unmapping, and what a revoke takes away.

use sel4::{
    Cap, CapRights, Error, ObjectBlueprint, cap, cap_type, init_thread::slot,
    sys::invocation_label as label,
};
use sel4_extra::{CapExt, FrameExt};

use crate::{
    env::{Env, WINDOW, is_there},
    memory::{DEFAULT, MIB2, map, new_vspace, peek, poke},
    test::{Outcome, ensure, tests},
};

tests! { page_map page_map_errors page_remap page_map_elsewhere page_unmap page_copies page_revoke_unmaps page_delete_unmaps page_rights page_read_only_kept page_large page_no_tables page_cache page_cache_errors page_address page_raw_errors }

fn page_map(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    env.expect("map", map(env.vspace(), frame, WINDOW), Ok(()))?;
    poke(WINDOW, 0x1234);
    poke(WINDOW + 4088, 0x5678);
    // The same page through a copy, elsewhere.
    let copy = env.copy(frame)?;
    env.expect(
        "map the copy",
        map(env.vspace(), copy, WINDOW + 0x1000),
        Ok(()),
    )?;
    env.trace(format_args!(
        "{:#x} {:#x}",
        peek(WINDOW + 0x1000),
        peek(WINDOW + 0x1000 + 4088)
    ));
    ensure!(peek(WINDOW + 0x1000) == 0x1234);
    Ok(())
}

fn page_map_errors(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.expect(
        "no tables",
        map(env.vspace(), frame, WINDOW),
        Err(Error::FailedLookup),
    )?;
    let first = env.make::<cap_type::PT>()?;
    first.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    env.expect(
        "one table of two",
        map(env.vspace(), frame, WINDOW),
        Err(Error::FailedLookup),
    )?;
    let second = env.make::<cap_type::PT>()?;
    second.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    env.note("unaligned", map(env.vspace(), frame, WINDOW + 8));
    env.note("above the top", map(env.vspace(), frame, 1 << 40));
    env.note("far above", map(env.vspace(), frame, 1 << 50));
    env.note("the last page", map(env.vspace(), frame, (1 << 40) - 4096));
    let tcb = env.make::<cap_type::Tcb>()?;
    env.note("a thread as vspace", map(tcb.cast(), frame, WINDOW));
    env.note("nothing as vspace", map(Cap::from_bits(0), frame, WINDOW));
    env.note(
        "a thread as frame",
        map(env.vspace(), tcb.cast::<cap_type::SmallPage>(), WINDOW),
    );
    let fresh = env.make::<cap_type::VSpace>()?;
    env.note("a vspace without an ASID", map(fresh, frame, WINDOW));
    env.note("unmap what is not mapped", frame.frame_unmap());
    Ok(())
}

/// The same page at the same address with other rights.
fn page_remap(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    env.expect("map", map(env.vspace(), frame, WINDOW), Ok(()))?;
    poke(WINDOW, 7);
    env.expect("same again", map(env.vspace(), frame, WINDOW), Ok(()))?;
    let read = frame.frame_map(env.vspace(), WINDOW, CapRights::read_only(), DEFAULT);
    env.expect("read only", read, Ok(()))?;
    ensure!(peek(WINDOW) == 7);
    env.expect(
        "elsewhere",
        map(env.vspace(), frame, WINDOW + 0x1000),
        Err(Error::InvalidArgument),
    )?;
    let other = env.make::<cap_type::SmallPage>()?;
    let over = map(env.vspace(), other, WINDOW);
    env.note("another page over it", over);
    env.trace(format_args!("word {}", peek(WINDOW)));
    Ok(())
}

fn page_map_elsewhere(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    let vspace = new_vspace(env)?;
    env.map_tables(env.vspace(), WINDOW)?;
    env.map_tables(vspace, WINDOW)?;
    env.expect("map", map(env.vspace(), frame, WINDOW), Ok(()))?;
    env.note("in another vspace", map(vspace, frame, WINDOW));
    let copy = env.copy(frame)?;
    env.expect("a copy there", map(vspace, copy, WINDOW), Ok(()))
}

fn page_unmap(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    map(env.vspace(), frame, WINDOW)?;
    poke(WINDOW, 99);
    env.expect("unmap", frame.frame_unmap(), Ok(()))?;
    env.expect("again", frame.frame_unmap(), Ok(()))?;
    env.expect(
        "elsewhere now",
        map(env.vspace(), frame, WINDOW + 0x5000),
        Ok(()),
    )?;
    env.trace(format_args!("word {}", peek(WINDOW + 0x5000)));
    ensure!(peek(WINDOW + 0x5000) == 99);
    Ok(())
}

/// A copy of a mapped capability is not mapped.
fn page_copies(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    map(env.vspace(), frame, WINDOW)?;
    poke(WINDOW, 5);
    let copy = env.copy(frame)?;
    env.expect("unmap the copy", copy.frame_unmap(), Ok(()))?;
    ensure!(peek(WINDOW) == 5);
    env.expect("delete the copy", env.at(copy).delete(), Ok(()))?;
    ensure!(peek(WINDOW) == 5);
    // Moved, the capability keeps its mapping.
    let moved = env.slot::<cap_type::SmallPage>();
    env.at(moved).move_(&env.at(frame))?;
    ensure!(peek(WINDOW) == 5);
    env.expect(
        "elsewhere",
        map(env.vspace(), moved, WINDOW + 0x1000),
        Err(Error::InvalidArgument),
    )?;
    env.expect("unmap", moved.frame_unmap(), Ok(()))
}

/// Revoking the original removes every copy's mapping, and keeps its own and the contents.
fn page_revoke_unmaps(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    let copies = [env.copy(frame)?, env.copy(frame)?];
    map(env.vspace(), frame, WINDOW)?;
    map(env.vspace(), copies[0], WINDOW + 0x1000)?;
    map(env.vspace(), copies[1], WINDOW + 0x2000)?;
    poke(WINDOW + 0x2000, 42);
    env.expect("revoke", env.at(frame).revoke(), Ok(()))?;
    ensure!(peek(WINDOW) == 42);
    // Both places are free for other pages.
    let other = env.make::<cap_type::SmallPage>()?;
    env.expect("free", map(env.vspace(), other, WINDOW + 0x1000), Ok(()))?;
    let third = env.copy(frame)?;
    env.expect("again", map(env.vspace(), third, WINDOW + 0x2000), Ok(()))?;
    ensure!(peek(WINDOW + 0x2000) == 42 && peek(WINDOW + 0x1000) == 0);
    Ok(())
}

fn page_delete_unmaps(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    let copy = env.copy(frame)?;
    map(env.vspace(), copy, WINDOW)?;
    env.expect("delete", env.at(copy).delete(), Ok(()))?;
    let other = env.make::<cap_type::SmallPage>()?;
    env.expect("free", map(env.vspace(), other, WINDOW), Ok(()))?;
    ensure!(peek(WINDOW) == 0);
    Ok(())
}

/// Rights of the capability bound those of the mapping.
fn page_rights(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    for (name, rights) in [
        ("none", CapRights::none()),
        ("read", CapRights::read_only()),
        ("write", CapRights::write_only()),
        ("all", CapRights::all()),
    ] {
        let copy = env.mint(frame, rights.clone(), 0)?;
        env.note(name, map(env.vspace(), copy, WINDOW));
        let _ = env.at(copy).delete();
        env.note(
            "mapped so",
            frame.frame_map(env.vspace(), WINDOW, rights, DEFAULT),
        );
        frame.frame_unmap()?;
    }
    let badge = env.slot::<cap_type::SmallPage>();
    env.note(
        "mint with a badge",
        env.at(badge).mint(&env.at(frame), CapRights::all(), 9),
    );
    Ok(())
}

fn page_read_only_kept(env: &mut Env) -> Outcome {
    use crate::snippets as code;
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    let weak = env.mint(frame, CapRights::read_only(), 0)?;
    env.expect("map for writing", map(env.vspace(), weak, WINDOW), Ok(()))?;
    let endpoint = env.make::<cap_type::Endpoint>()?;
    let reply = env.reply()?;
    let thread = env.thread_faulting_to(50, endpoint)?;
    thread.start_at(code::write as *const () as u64, WINDOW as u64)?;
    let (info, _) = endpoint.recv(reply);
    env.trace(format_args!("a write: label {}", info.label()));
    ensure!(info.label() == 6);
    Ok(())
}

fn page_large(env: &mut Env) -> Outcome {
    let large = env.make::<cap_type::LargePage>()?;
    env.note("no tables", map(env.vspace(), large, WINDOW));
    let table = env.make::<cap_type::PT>()?;
    table.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    env.note("unaligned", map(env.vspace(), large, WINDOW + 0x1000));
    env.expect("map", map(env.vspace(), large, WINDOW), Ok(()))?;
    poke(WINDOW + MIB2 - 8, 3);
    let copy = env.copy(large)?;
    env.expect("a copy", map(env.vspace(), copy, WINDOW + MIB2), Ok(()))?;
    ensure!(peek(WINDOW + 2 * MIB2 - 8) == 3);
    let small = env.make::<cap_type::SmallPage>()?;
    env.note("a small page into it", map(env.vspace(), small, WINDOW));
    let second = env.make::<cap_type::PT>()?;
    env.note(
        "a table into it",
        second.pt_map(env.vspace(), WINDOW, DEFAULT),
    );
    env.expect("revoke", env.at(large).revoke(), Ok(()))?;
    env.expect("unmap", large.frame_unmap(), Ok(()))?;
    env.expect(
        "a table now",
        second.pt_map(env.vspace(), WINDOW, DEFAULT),
        Ok(()),
    )?;
    env.note(
        "a large page over the table",
        map(env.vspace(), large, WINDOW),
    );
    Ok(())
}

fn page_no_tables(env: &mut Env) -> Outcome {
    let small = env.make::<cap_type::SmallPage>()?;
    env.note("beside the image", map(env.vspace(), small, 0));
    Ok(())
}

fn page_cache(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    map(env.vspace(), frame, WINDOW)?;
    poke(WINDOW, 6);
    env.note("clean", frame.frame_clean_data(0, 4096));
    env.note(
        "clean and invalidate",
        frame.frame_clean_invalidate_data(0, 64),
    );
    env.note("unify", frame.frame_unify_instruction(0, 4096));
    env.note("invalidate", frame.frame_invalidate_data(0, 4096));
    ensure!(peek(WINDOW) == 6);
    Ok(())
}

fn page_cache_errors(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.note("not mapped", frame.frame_clean_data(0, 4096));
    env.map_tables(env.vspace(), WINDOW)?;
    map(env.vspace(), frame, WINDOW)?;
    env.note("end before start", frame.frame_clean_data(64, 0));
    env.note("nothing", frame.frame_clean_data(64, 64));
    env.note("beyond the page", frame.frame_clean_data(0, 4097));
    env.note("start beyond", frame.frame_clean_data(4096, 4100));
    env.note("one word", frame.order(label::ARMPageClean_Data, &[], &[0]));
    let weak = env.mint(frame, CapRights::read_only(), 0)?;
    map(env.vspace(), weak, WINDOW + 0x1000)?;
    env.note("clean, read only", weak.frame_clean_data(0, 64));
    env.note("invalidate, read only", weak.frame_invalidate_data(0, 64));
    Ok(())
}

/// Physical addresses: aligned, and those of neighbours follow each other.
fn page_address(env: &mut Env) -> Outcome {
    let untyped = env.untyped(13)?;
    let (a, b) = (
        env.make_from::<cap_type::SmallPage>(untyped)?,
        env.make_from::<cap_type::SmallPage>(untyped)?,
    );
    let (first, second) = (a.frame_get_address()?, b.frame_get_address()?);
    env.trace(format_args!(
        "aligned {} distance {:#x}",
        first.is_multiple_of(8192),
        second - first
    ));
    let copy = env.copy(a)?;
    ensure!(copy.frame_get_address()? == first && second - first == 4096);
    Ok(())
}

fn page_raw_errors(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    let table = env.make::<cap_type::PT>()?;
    let vspace = env.vspace().bits();
    env.note(
        "map, 2 words",
        frame.order(label::ARMPageMap, &[vspace], &[0x1000, 3]),
    );
    env.note(
        "map, no vspace",
        frame.order(label::ARMPageMap, &[], &[0x1000, 3, 3]),
    );
    env.note(
        "table, 1 word",
        table.order(label::ARMPageTableMap, &[vspace], &[0x1000]),
    );
    env.note(
        "table, no vspace",
        table.order(label::ARMPageTableMap, &[], &[0x1000, 3]),
    );
    env.note(
        "a table's label on a page",
        frame.order(label::ARMPageTableUnmap, &[], &[]),
    );
    env.note(
        "a page's label on a table",
        table.order(label::ARMPageUnmap, &[], &[]),
    );
    env.note("label 500", frame.order(500, &[], &[]));
    env.note(
        "assign, no vspace",
        slot::ASID_POOL
            .cap()
            .order(label::ARMASIDPoolAssign, &[], &[]),
    );
    env.note(
        "pool, 1 word",
        slot::ASID_CONTROL
            .cap()
            .order(label::ARMASIDControlMakePool, &[2, 2], &[1]),
    );
    let blueprint = ObjectBlueprint::Untyped { size_bits: 12 };
    let untyped: cap::Untyped = env.make_as(env.pool(), blueprint)?;
    env.note(
        "pool, one capability",
        slot::ASID_CONTROL
            .cap()
            .order(label::ARMASIDControlMakePool, &[untyped.bits()], &[1, 64]),
    );
    ensure!(is_there(env, untyped.cptr()));
    Ok(())
}
