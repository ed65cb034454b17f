// SPDX-License-Identifier: BSD-2-Clause
//! `stage`: its workshop, bundle slots, staging regions and window.

use crate::builder::{ALL, CNode, Frames};
use crate::driver::{Driver, firmware, identity};
use crate::layout::Layout;
use crate::pages::Shared;
use crate::plan::SHARED;
use crate::space::{CONSTANT, DATA};
use molt_sdf::model::{Replaceable, Role};
use molt_system::boot::Kind;
use molt_system::layout::LARGE_PAGE;
use molt_system::{
    BriefHeader, MAX_COMPONENTS, MAX_STAGINGS, MAX_TABLES, Name, StageBrief, StageComponent,
    Staging, VaultSlot, cspace,
};

/// Arenas are made of untypeds of 64 KiB.
pub const ARENA_BITS: u32 = 16;
/// Bytes of the window for frames that are being filled.
const WINDOW: u64 = LARGE_PAGE;

/// `stage`, as it was laid out.
pub struct Staged {
    pub brief: StageBrief,
    pub workshop: CNode,
    /// The bundle slots of each component.
    pub bundles: Vec<Frames>,
}

/// Lays out `stage`.
pub fn lay_out(layout: &mut Layout, shared: &Shared, drivers: &[Driver]) -> Option<Staged> {
    let system = layout.system;
    let index = system.role(Role::Stage)?;
    let mut brief = StageBrief {
        header: BriefHeader::of::<StageBrief>(),
        log: shared.ring(index),
        update: shared.link.1,
        asid_pool: VaultSlot(cspace::WORKSHOP_OWN),
        component_count: drivers.len() as u32,
        configuration: layout.configuration.digest,
        ..StageBrief::default()
    };
    let (fixed, b) = layout.fixed(index)?;
    let workshop = CNode::make(b, cspace::VAULT_BITS);
    let guard = cspace::guard(cspace::VAULT_GUARD);
    b.place(fixed.cspace.root, 1, workshop.object, ALL, guard);
    b.place(
        fixed.cspace.microkit,
        cspace::VAULT_CNODE,
        workshop.object,
        ALL,
        guard,
    );
    let pool = b.make(Kind::AsidPool, 0, 1);
    b.place(workshop, cspace::WORKSHOP_OWN.into(), pool, ALL, 0);
    brief.window_size = WINDOW;
    brief.window = fixed.space.tool_range(WINDOW, 21);
    fixed.space.reserve(b, brief.window, WINDOW, 12);

    let mut all_bundles = Vec::new();
    for (row, driver) in brief
        .components
        .iter_mut()
        .zip(drivers)
        .take(MAX_COMPONENTS)
    {
        if let Some(replaceable) = &system.domains[driver.domain].replaceable {
            let bundles;
            (*row, bundles) = component(layout, index, driver, replaceable);
            all_bundles.push(bundles);
        }
    }
    for (n, (client, _)) in stagings(layout).into_iter().enumerate().take(MAX_STAGINGS) {
        let region = system.domains[system.clients()[client]]
            .any_doorbell()?
            .staging;
        let frames = layout.regions[region];
        let (fixed, b) = layout.fixed(index)?;
        let vaddr = fixed.space.map_tool(b, frames, CONSTANT);
        brief.stagings[n] = Staging {
            vaddr,
            size: frames.size(),
            client: client as u32,
            reserved: 0,
        };
        brief.staging_count = n as u32 + 1;
    }
    Some(Staged {
        brief,
        workshop,
        bundles: all_bundles,
    })
}

/// Clients with a doorbell: index, and bytes of the staging region. The order is that of the brief.
pub fn stagings(layout: &Layout) -> Vec<(usize, u64)> {
    let system = layout.system;
    let size = |(n, d): (usize, usize)| {
        Some((
            n,
            system
                .region(system.domains[d].any_doorbell()?.staging)
                .size,
        ))
    };
    system
        .clients()
        .into_iter()
        .enumerate()
        .filter_map(size)
        .collect()
}

fn component(
    layout: &mut Layout,
    stage: usize,
    driver: &Driver,
    replaceable: &Replaceable,
) -> (StageComponent, Frames) {
    let size = replaceable.bundle_size * replaceable.bundle_slots;
    let page_bits = if size.is_multiple_of(LARGE_PAGE) {
        21
    } else {
        12
    };
    layout.b.part("bundle slots");
    let bundles = layout.b.frames(size, page_bits, None);
    layout.b.part(SHARED);
    layout.b.fill(bundles, 0, &driver.bundle);
    let name = Name::new(&layout.system.domains[driver.domain].name);
    let (mut bundles_at, mut brief) = (0, 0);
    if let Some((fixed, b)) = layout.fixed(stage) {
        bundles_at = fixed.space.map_tool(b, bundles, DATA);
        brief = fixed.space.map_tool(b, driver.brief, CONSTANT);
    }
    let mut row = StageComponent {
        name,
        identity: identity(replaceable),
        bundles: bundles_at,
        bundle_slot_size: replaceable.bundle_size,
        bundle_slots: replaceable.bundle_slots as u32,
        arena_count: (replaceable.arena >> ARENA_BITS) as u32,
        arena_size_bits: ARENA_BITS,
        table_count: driver.tables.len().min(MAX_TABLES) as u32,
        key_count: driver.keys.len() as u32,
        factory_length: driver.bundle.len() as u64,
        brief,
        entry: driver.entry,
        firmware: firmware(layout.system, driver.domain),
        ..StageComponent::default()
    };
    row.tables
        .iter_mut()
        .zip(&driver.tables)
        .for_each(|(to, from)| *to = *from);
    row.keys
        .iter_mut()
        .zip(&driver.keys)
        .for_each(|(to, from)| *to = *from);
    (row, bundles)
}
