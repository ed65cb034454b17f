// SPDX-License-Identifier: BSD-2-Clause
//! `flash`: where the log and the slots are in its bank, what it reads of `stage`, and where it delivers.

use crate::Error;
use crate::layout::Layout;
use crate::pages::Shared;
use crate::space::{CONSTANT, DATA};
use crate::stage::Staged;
use molt_sdf::Rule;
use molt_sdf::model::{Map, Role};
use molt_system::layout::LARGE_PAGE;
use molt_system::{
    BriefHeader, FlashBrief, FlashComponent, LOG_SIZE, Name, SLOT_UNIT, STORE_CLIENT, Staging,
};

/// Lays out `flash`, and gives `stage` the region in which it delivers.
pub fn lay_out(
    layout: &mut Layout,
    shared: &Shared,
    stage: &mut Staged,
) -> Result<Option<FlashBrief>, Error> {
    let system = layout.system;
    let (Some(index), Some(in_stage), Some((_, link))) = (
        system.role(Role::Flash),
        system.role(Role::Stage),
        shared.store,
    ) else {
        return Ok(None);
    };
    let described = &system.domains[index];
    let is_device = |map: &&Map| system.region(map.region).phys_addr.is_some();
    let bank = described.maps.iter().find(is_device);
    let mut brief = FlashBrief {
        header: BriefHeader::of::<FlashBrief>(),
        log: shared.ring(index),
        update: link,
        bank: bank.map_or(0, |map| map.vaddr.value),
        bank_size: bank.map_or(0, |map| system.region(map.region).size),
        ..FlashBrief::default()
    };
    let mut end = LOG_SIZE;
    let mut largest = 0;
    for (n, (component, bundles)) in (stage.brief.components().iter())
        .zip(&stage.bundles)
        .enumerate()
    {
        let size = component.bundle_slot_size.next_multiple_of(SLOT_UNIT);
        let Some((fixed, b)) = layout.fixed(index) else {
            continue;
        };
        brief.components[n] = FlashComponent {
            name: component.name,
            bundles: fixed.space.map_tool(b, *bundles, CONSTANT),
            bundle_slot_size: component.bundle_slot_size,
            bundle_slots: component.bundle_slots.into(),
            offset: end,
            size,
            keys: 0,
        };
        brief.component_count = n as u32 + 1;
        end += 2 * size;
        largest = largest.max(component.bundle_slot_size);
    }
    let used = brief.component_count as usize;
    for component in brief.components.iter_mut().take(used) {
        component.keys = end;
        end += 2 * SLOT_UNIT;
    }
    if end > brief.bank_size {
        let text = format!(
            "the store needs {end:#x} bytes (a log of {LOG_SIZE:#x}, and for each component two slots of bundle_size and two of {SLOT_UNIT:#x} for lists of keys), the flash bank of '{}' has {:#x}: smaller bundle_size",
            described.name, brief.bank_size
        );
        return Err(layout.broken(&described.span, Rule::Fit(text)));
    }
    for (row, client) in brief.clients.iter_mut().zip(system.clients()) {
        *row = Name::new(&system.domains[client].name);
        brief.client_count += 1;
    }
    deliver(layout, &mut brief, stage, (index, in_stage), largest);
    Ok(Some(brief))
}

/// Makes the region in which bundles are delivered.
fn deliver(
    layout: &mut Layout,
    brief: &mut FlashBrief,
    stage: &mut Staged,
    (flash, in_stage): (usize, usize),
    size: u64,
) {
    let size = size.next_multiple_of(LARGE_PAGE);
    layout.b.part("delivery");
    let frames = layout.b.frames(size, LARGE_PAGE.trailing_zeros(), None);
    if let Some((fixed, b)) = layout.fixed(flash) {
        brief.delivery = fixed.space.map_tool(b, frames, DATA);
        brief.delivery_size = frames.size();
    }
    let row = stage.brief.staging_count as usize;
    if let (Some((fixed, b)), Some(place)) =
        (layout.fixed(in_stage), stage.brief.stagings.get_mut(row))
    {
        *place = Staging {
            vaddr: fixed.space.map_tool(b, frames, CONSTANT),
            size: frames.size(),
            client: STORE_CLIENT,
            reserved: 0,
        };
        stage.brief.staging_count += 1;
    }
}
