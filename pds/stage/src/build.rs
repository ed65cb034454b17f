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
use crate::slots::Image;
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

/// Where a generation's capabilities are in the workshop.
pub struct Built {
    /// The first slot that is not used.
    pub slots: u32,
    /// The first of the frames with the device's firmware.
    pub firmware: u32,
}

/// Builds from the untypeds in the workshop.
pub fn build(
    stage: &StageBrief,
    component: &StageComponent,
    image: &Image,
    progress: impl Fn(u64),
) -> Result<Built, Reason> {
    let (image, firmware) = (image.bytes, image.firmware);
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
    let at = load_firmware(&mut filler, component.firmware.own, firmware)?;
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
    Ok(Built {
        slots: arena.used(),
        firmware: at,
    })
}

/// Makes the pages with the device's firmware. Returns the workshop slot of the first; the others follow.
fn load_firmware(filler: &mut Filler<'_>, vaddr: u64, firmware: &[u8]) -> Result<u32, Reason> {
    let size = (firmware.len() as u64).next_multiple_of(PAGE);
    let Filler { tables, arena, .. } = filler;
    // All page tables first, so that the frames are in one row.
    tables.cover(arena, vaddr, size, 12)?;
    let first = arena.used();
    filler.pages(vaddr, size, CONSTANT, firmware)?;
    Ok(first)
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
