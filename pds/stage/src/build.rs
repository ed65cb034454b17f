// SPDX-License-Identifier: BSD-2-Clause
//! Builds a generation, except for what only `update` can give it: priority, scheduling context, fault endpoint, shared
//! memory, device, interrupt, ports.

use molt_bundle::{Reason, Segment, entry, segments};
use molt_system::cspace::{
    GENERATION_BITS, VSPACE, WORKSHOP_GENERATION_CNODE, WORKSHOP_REST, WORKSHOP_TCB,
    WORKSHOP_VSPACE,
};
use molt_system::{StageBrief, StageComponent};
use sel4::{CNodeCapData, Cap, ObjectBlueprint, UserContext, cap};
use sel4_extra::VSPACE as VSPACE_OBJECT;

use crate::fill::{Access, Filler, PAGE};
use crate::make::{Arena, capability};
use crate::tables::Tables;
use crate::{brief, check};

const DATA: Access = Access {
    write: true,
    execute: false,
};
const CONSTANT: Access = Access {
    write: false,
    execute: false,
};

/// Builds from the untypeds in the workshop. Returns the first workshop slot that is not used.
pub fn build(
    stage: &StageBrief,
    component: &StageComponent,
    image: &[u8],
    progress: impl Fn(u64),
) -> Result<u32, Reason> {
    let window = check::window(component);
    let start = entry(image, window)?;
    let mut arena = Arena::new(component.arena_count, WORKSHOP_REST);
    let vspace: cap::VSpace = arena.make_at(VSPACE_OBJECT, WORKSHOP_VSPACE)?;
    let size_bits = GENERATION_BITS as usize;
    let cnode: cap::CNode = arena.make_at(
        ObjectBlueprint::CNode { size_bits },
        WORKSHOP_GENERATION_CNODE,
    )?;
    let tcb: cap::Tcb = arena.make_at(ObjectBlueprint::Tcb, WORKSHOP_TCB)?;
    let pool: cap::AsidPool = capability(stage.asid_pool.0);
    pool.asid_pool_assign(vspace).map_err(failed)?;

    let mut filler = Filler {
        window: stage.window,
        own: Cap::from_bits(VSPACE),
        vspace,
        arena: &mut arena,
        tables: Tables::new(vspace),
    };
    for segment in segments(image, window)? {
        load(&mut filler, &segment?, image.len(), &progress)?;
    }
    let place = &component.entry;
    let stack = place.stack_top.saturating_sub(place.stack_size);
    filler.pages(stack, place.stack_size, DATA, &[])?;
    filler.pages(
        place.brief,
        place.brief_size,
        CONSTANT,
        brief::driver_brief(component),
    )?;
    let buffer = filler.page(place.ipc_buffer, DATA, 0, &[])?;
    for range in component.tables() {
        let Filler { tables, arena, .. } = &mut filler;
        tables.cover(arena, range.vaddr, range.size, range.page_bits)?;
    }
    let guard = CNodeCapData::skip_high_bits(size_bits);
    tcb.tcb_configure(cnode, guard, vspace, place.ipc_buffer, buffer)
        .map_err(failed)?;
    let mut registers = UserContext::default();
    *registers.pc_mut() = start;
    *registers.sp_mut() = place.stack_top;
    tcb.tcb_write_all_registers(false, &mut registers)
        .map_err(failed)?;
    Ok(arena.used())
}

fn load(
    filler: &mut Filler<'_>,
    segment: &Segment<'_>,
    all: usize,
    progress: impl Fn(u64),
) -> Result<(), Reason> {
    let access = Access {
        write: segment.writable,
        execute: segment.executable,
    };
    let end = segment.vaddr + segment.size;
    let mut page = segment.vaddr / PAGE * PAGE;
    let mut rest = segment.data;
    while page < end {
        let offset = segment.vaddr.saturating_sub(page) as usize;
        let (content, more) = rest.split_at(rest.len().min(PAGE as usize - offset));
        filler.page(page, access, offset, content)?;
        rest = more;
        page += PAGE;
        progress(((segment.data.len() - rest.len()) * 1000 / all.max(1)) as u64);
    }
    Ok(())
}

fn failed(_: sel4::Error) -> Reason {
    Reason::BuildFailed
}
