// SPDX-License-Identifier: BSD-2-Clause
//! The order of the steps, from description to packed system.

use crate::configuration::Configuration;
use crate::files::Files;
use crate::layout::Layout;
use crate::pack::Packed;
use crate::{
    Error, briefs, channels, domain, driver, flash, guest, io, machine, pack, pages, schedule,
    stage, update,
};
use molt_board::Uart;
use molt_sdf::model::{DomainId, Replaceable, Role, Stop};
use molt_sdf::{Rule, System};
use molt_system::{COPIES, UpdateBrief};

/// The name of the part of the system with control pages, briefs, and the vaults of `stage` and `update`.
pub const SHARED: &str = "shared pages and vaults";

/// Lays out the whole system.
pub fn plan(
    system: &System,
    files: &Files,
    configuration: &Configuration,
    uart: Uart,
) -> Result<Packed, Error> {
    let mut layout = Layout::new(system, files, configuration, uart)?;
    schedule::lay_out(&mut layout)?;
    io::lay_out(&mut layout);
    let guests = guest::load_all(&mut layout)?;
    for index in 0..system.domains.len() {
        layout.b.part(&system.domains[index].name);
        domain::address_space(&mut layout, index)?;
        domain::capabilities(&mut layout, index);
    }
    channels::place(&mut layout);
    layout.b.part(SHARED);
    let shared = pages::make(&mut layout);
    let drivers = driver::all(&mut layout)?;
    let mut stage = stage::lay_out(&mut layout, &shared, &drivers);
    let flash = match &mut stage {
        Some(stage) => flash::lay_out(&mut layout, &shared, stage)?,
        None => None,
    };
    let plan = update::lay_out(&mut layout, &shared, &drivers);
    if let (Some((brief, ..)), Some(update)) = (&plan, system.role(Role::Update)) {
        vault_is_large_enough(&layout, brief, update)?;
    }
    let ours = briefs::Ours { stage, flash, plan };
    briefs::write(&mut layout, &shared, &guests, ours)?;
    for index in 0..system.domains.len() {
        layout.b.part(&system.domains[index].name);
        domain::program(&mut layout, index)?;
    }
    for index in 0..system.domains.len() {
        layout.b.part(&system.domains[index].name);
        machine::lay_out(&mut layout, index, &shared);
    }
    let there = layout.configuration.platform.memory.iter();
    let there: u64 = there.map(|range| range.end - range.start).sum();
    let packed = pack::pack(layout);
    // Where it is not known, `monitor` finds out.
    if there != 0 && packed.memory > there {
        let needed = packed.memory;
        return Err(Error::Memory { needed, there });
    }
    Ok(packed)
}

/// All arenas, frames of revocable regions and their copies share one CNode, of which a part is for the copies.
fn vault_is_large_enough(
    layout: &Layout,
    brief: &UpdateBrief,
    update: DomainId,
) -> Result<(), Error> {
    let (free, needed) = (brief.authority.free_count, update::needed_slots(brief));
    let free = free.min(COPIES);
    if needed <= free {
        return Ok(());
    }
    let text = format!(
        "{needed} more slots are needed in the vault of 'update', {free} are free: larger pages for revocable regions, or smaller arenas"
    );
    Err(layout.broken(&layout.system.domains[update].span, Rule::Fit(text)))
}

/// What deserves attention: here, devices that reach memory without an IOMMU.
pub fn warnings(system: &System) -> Vec<String> {
    let reaches = |d: &&molt_sdf::model::ProtectionDomain| {
        let reaches = |r: &Replaceable| r.stop != Stop::None && r.io_space.is_none();
        d.replaceable.as_ref().is_some_and(reaches)
    };
    let warn = |d: &molt_sdf::model::ProtectionDomain| {
        format!(
            "'{}': its device does DMA and no IOMMU stands before it: whoever makes its driver is trusted with all memory",
            d.name
        )
    };
    let unsigned = |d: &&molt_sdf::model::ProtectionDomain| {
        d.replaceable
            .as_ref()
            .is_some_and(|r| !r.trust.iter().any(|t| t.driver))
    };
    let warn_unsigned = |d: &molt_sdf::model::ProtectionDomain| {
        format!(
            "'{}': no <trust> names a key that may sign its driver: every bundle will be refused",
            d.name
        )
    };
    let passed = |d: &molt_sdf::model::ProtectionDomain| {
        let client = d.clients.iter().find(|client| client.passed().is_some())?;
        Some(format!(
            "'{}': its device does DMA, no IOMMU stands before it, and the guest of '{}' drives it: the guest is trusted with all memory",
            d.name, system.domains[client.domain].name
        ))
    };
    let passed = system.domains.iter().filter_map(passed);
    let warnings = system
        .domains
        .iter()
        .filter(reaches)
        .map(warn)
        .chain(passed);
    warnings
        .chain(system.domains.iter().filter(unsigned).map(warn_unsigned))
        .collect()
}
