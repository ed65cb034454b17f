// SPDX-License-Identifier: BSD-2-Clause
//! Address spaces, page tables and ASIDs.

use sel4::{Cap, CapRights, Error, cap_type, init_thread::slot, sys::invocation_label as label};
use sel4_extra::{CapExt, PtExt, VSpaceExt};

use crate::{
    env::{Env, WINDOW},
    memory::{DEFAULT, MIB2, map, new_vspace, peek, poke},
    test::{Outcome, ensure, tests},
};

tests! { page_over_table page_table_map page_table_errors page_table_unmap page_table_delete vspace_assign vspace_unassigned vspace_deleted asid_errors asid_pool_many vspace_cache }

/// A page where a table is, and a table where a page is.
fn page_over_table(env: &mut Env) -> Outcome {
    let large = env.make::<cap_type::LargePage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    env.note(
        "a large page over a table",
        map(env.vspace(), large, WINDOW),
    );
    let table = env.make::<cap_type::PT>()?;
    env.note("a third table", table.pt_map(env.vspace(), WINDOW, DEFAULT));
    Ok(())
}

fn page_table_map(env: &mut Env) -> Outcome {
    let vspace = new_vspace(env)?;
    let (one, two, three) = (
        env.make::<cap_type::PT>()?,
        env.make::<cap_type::PT>()?,
        env.make::<cap_type::PT>()?,
    );
    env.expect("first", one.pt_map(vspace, WINDOW, DEFAULT), Ok(()))?;
    env.expect("second", two.pt_map(vspace, WINDOW, DEFAULT), Ok(()))?;
    env.expect(
        "third",
        three.pt_map(vspace, WINDOW, DEFAULT),
        Err(Error::DeleteFirst),
    )?;
    env.note(
        "mapped again",
        one.pt_map(vspace, WINDOW + (1 << 30), DEFAULT),
    );
    env.expect(
        "third elsewhere",
        three.pt_map(vspace, WINDOW + MIB2, DEFAULT),
        Ok(()),
    )
}

fn page_table_errors(env: &mut Env) -> Outcome {
    let vspace = new_vspace(env)?;
    let table = env.make::<cap_type::PT>()?;
    env.note("above the top", table.pt_map(vspace, 1 << 40, DEFAULT));
    env.note(
        "unaligned is rounded",
        table.pt_map(vspace, WINDOW + 0x1234, DEFAULT),
    );
    let copy = env.slot::<cap_type::PT>();
    env.note(
        "copy a mapped one",
        env.at(copy).copy(&env.at(table), CapRights::all()),
    );
    let _ = env.at(copy).delete();
    let fresh = env.make::<cap_type::PT>()?;
    env.note(
        "copy an unmapped one",
        env.at(copy).copy(&env.at(fresh), CapRights::all()),
    );
    let unassigned = env.make::<cap_type::VSpace>()?;
    env.note(
        "vspace without an ASID",
        fresh.pt_map(unassigned, WINDOW, DEFAULT),
    );
    let tcb = env.make::<cap_type::Tcb>()?;
    env.note(
        "a thread as vspace",
        fresh.pt_map(tcb.cast(), WINDOW, DEFAULT),
    );
    let other = env.slot::<cap_type::VSpace>();
    env.note(
        "copy a vspace",
        env.at(other).copy(&env.at(vspace), CapRights::all()),
    );
    let _ = env.at(other).delete();
    env.note(
        "copy one without an ASID",
        env.at(other).copy(&env.at(unassigned), CapRights::all()),
    );
    env.note("unmap an unmapped one", fresh.pt_unmap());
    Ok(())
}

fn page_table_unmap(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    let (one, two) = (env.make::<cap_type::PT>()?, env.make::<cap_type::PT>()?);
    one.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    two.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    map(env.vspace(), frame, WINDOW)?;
    poke(WINDOW, 8);
    env.expect("unmap with a page in it", two.pt_unmap(), Ok(()))?;
    env.note(
        "map the page elsewhere",
        map(env.vspace(), frame, WINDOW + 0x1000),
    );
    env.note("unmap the page", frame.frame_unmap());
    env.expect(
        "map the table again",
        two.pt_map(env.vspace(), WINDOW, DEFAULT),
        Ok(()),
    )?;
    let other = env.make::<cap_type::SmallPage>()?;
    env.expect("it is empty", map(env.vspace(), other, WINDOW), Ok(()))?;
    ensure!(peek(WINDOW) == 0);
    // The upper one goes: the lower one is unreachable, and can be mapped anew.
    env.expect("unmap the upper", one.pt_unmap(), Ok(()))?;
    env.note(
        "map the lower elsewhere",
        two.pt_map(env.vspace(), WINDOW + (1 << 30), DEFAULT),
    );
    env.note("unmap the lower", two.pt_unmap());
    env.note("unmap the page", other.frame_unmap());
    env.expect(
        "map the upper",
        one.pt_map(env.vspace(), WINDOW, DEFAULT),
        Ok(()),
    )
}

fn page_table_delete(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    let (one, two) = (env.make::<cap_type::PT>()?, env.make::<cap_type::PT>()?);
    one.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    two.pt_map(env.vspace(), WINDOW, DEFAULT)?;
    map(env.vspace(), frame, WINDOW)?;
    env.expect("delete", env.at(two).delete(), Ok(()))?;
    env.expect(
        "no table",
        map(env.vspace(), frame, WINDOW),
        Err(Error::FailedLookup),
    )?;
    let again = env.make::<cap_type::PT>()?;
    env.expect(
        "another",
        again.pt_map(env.vspace(), WINDOW, DEFAULT),
        Ok(()),
    )?;
    env.note("the page", map(env.vspace(), frame, WINDOW));
    Ok(())
}

fn vspace_assign(env: &mut Env) -> Outcome {
    let vspace = env.make::<cap_type::VSpace>()?;
    let pool = slot::ASID_POOL.cap();
    env.expect("assign", pool.asid_pool_assign(vspace), Ok(()))?;
    env.note("again", pool.asid_pool_assign(vspace));
    env.note("the root task's", pool.asid_pool_assign(env.vspace()));
    let table = env.make::<cap_type::PT>()?;
    env.note("a page table", pool.asid_pool_assign(table.cast()));
    env.note("nothing", pool.asid_pool_assign(Cap::from_bits(0)));
    Ok(())
}

fn vspace_unassigned(env: &mut Env) -> Outcome {
    let vspace = env.make::<cap_type::VSpace>()?;
    let tcb = env.make::<cap_type::Tcb>()?;
    let data = sel4::CNodeCapData::new(0, 0);
    env.note(
        "configure",
        tcb.tcb_configure(env.cnode(), data, vspace, 0, Cap::from_bits(0)),
    );
    let vspace = new_vspace(env)?;
    let data = sel4::CNodeCapData::new(0, 0);
    env.note(
        "with an ASID",
        tcb.tcb_configure(env.cnode(), data, vspace, 0, Cap::from_bits(0)),
    );
    Ok(())
}

/// The address space goes before the pages in it.
fn vspace_deleted(env: &mut Env) -> Outcome {
    let vspace = new_vspace(env)?;
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(vspace, WINDOW)?;
    map(vspace, frame, WINDOW)?;
    env.expect("delete", env.at(vspace).delete(), Ok(()))?;
    env.note("unmap", frame.frame_unmap());
    let other = new_vspace(env)?;
    env.map_tables(other, WINDOW)?;
    env.note("map elsewhere", map(other, frame, WINDOW));
    Ok(())
}

fn asid_errors(env: &mut Env) -> Outcome {
    let control = slot::ASID_CONTROL.cap();
    let small = env.untyped(11)?;
    let right = env.untyped(12)?;
    let large = env.untyped(13)?;
    let pool = env.slot::<cap_type::AsidPool>();
    let used = env.make::<cap_type::Endpoint>()?;
    env.note(
        "too small",
        control.asid_control_make_pool(small, &env.at(pool)),
    );
    env.note(
        "too large",
        control.asid_control_make_pool(large, &env.at(pool)),
    );
    env.note(
        "slot in use",
        control.asid_control_make_pool(right, &env.at(used)),
    );
    env.note(
        "no untyped",
        control.asid_control_make_pool(used.cast(), &env.at(pool)),
    );
    env.expect(
        "good",
        control.asid_control_make_pool(right, &env.at(pool)),
        Ok(()),
    )?;
    let next = env.slot::<cap_type::AsidPool>();
    env.note(
        "the same untyped",
        control.asid_control_make_pool(right, &env.at(next)),
    );
    let vspace = env.make::<cap_type::VSpace>()?;
    env.expect("assign from it", pool.asid_pool_assign(vspace), Ok(()))?;
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(vspace, WINDOW)?;
    map(vspace, frame, WINDOW)?;
    // With the pool the address space loses its number.
    env.expect("delete the pool", env.at(pool).delete(), Ok(()))?;
    env.note(
        "map a table",
        env.pool().order(label::UntypedRetype, &[], &[]),
    );
    let other = env.make::<cap_type::SmallPage>()?;
    env.note("map in it", map(vspace, other, WINDOW + 0x1000));
    env.note("unmap", frame.frame_unmap());
    env.note(
        "assign again",
        slot::ASID_POOL.cap().asid_pool_assign(vspace),
    );
    Ok(())
}

/// A pool serves 512 address spaces; here a few at once.
fn asid_pool_many(env: &mut Env) -> Outcome {
    let right = env.untyped(12)?;
    let pool = env.slot::<cap_type::AsidPool>();
    slot::ASID_CONTROL
        .cap()
        .asid_control_make_pool(right, &env.at(pool))?;
    let mut assigned = 0;
    for _ in 0..515 {
        let vspace = env.make::<cap_type::VSpace>()?;
        match pool.asid_pool_assign(vspace) {
            Ok(()) => assigned += 1,
            error => {
                env.trace(format_args!("{assigned} assigned"));
                env.note("then", error);
                return Ok(());
            }
        }
    }
    env.trace(format_args!("{assigned} assigned"));
    Ok(())
}

fn vspace_cache(env: &mut Env) -> Outcome {
    let frame = env.make::<cap_type::SmallPage>()?;
    env.map_tables(env.vspace(), WINDOW)?;
    map(env.vspace(), frame, WINDOW)?;
    let vspace = env.vspace();
    env.note("clean", vspace.vspace_clean_data(WINDOW, WINDOW + 4096));
    env.note(
        "unify",
        vspace.vspace_unify_instruction(WINDOW, WINDOW + 64),
    );
    env.note(
        "clean and invalidate",
        vspace.vspace_clean_invalidate_data(WINDOW, WINDOW + 64),
    );
    env.note(
        "invalidate",
        vspace.vspace_invalidate_data(WINDOW, WINDOW + 64),
    );
    env.note("two pages", vspace.vspace_clean_data(WINDOW, WINDOW + 4097));
    env.note(
        "end before start",
        vspace.vspace_clean_data(WINDOW + 64, WINDOW),
    );
    env.note(
        "not mapped",
        vspace.vspace_clean_data(WINDOW + 0x3000, WINDOW + 0x3040),
    );
    env.note(
        "above the top",
        vspace.vspace_clean_data(1 << 40, (1 << 40) + 64),
    );
    let fresh = env.make::<cap_type::VSpace>()?;
    env.note(
        "without an ASID",
        fresh.vspace_clean_data(WINDOW, WINDOW + 64),
    );
    Ok(())
}
