// SPDX-License-Identifier: BSD-2-Clause
//! The rules that must hold after each step, checked by asking the kernel's core.

use molt_supervisor::Supervisor;
use molt_system::cspace::{WORKSHOP_REST, WORKSHOP_TCB};
use molt_system::{COPIES, VaultSlot};
use molt_update::Phase;

use crate::plan::{self, CLIENTS, Places, UNTYPEDS, WORKSHOP, driver_at, slot, vault};
use crate::world::{Handle, World};

/// The rule that is broken, if one is. `books_too`: the books may have changed.
pub fn check(
    supervisor: &Supervisor<'static, Handle>,
    world: &World,
    places: &Places,
    books_too: bool,
) -> Option<&'static str> {
    let unit = supervisor.units().first()?;
    let holder = unit.holder().place().map(|place| arena_of(place.tcb.0));
    for arena in 0..2 {
        if holder != Some(arena) && reaches(world, places, arena) {
            return Some(if holder.is_some() {
                "two holders"
            } else {
                "reached after a denial"
            });
        }
    }
    if (0..2).any(|arena| reaches_anothers(world, places, arena)) {
        return Some("another generation's control pages");
    }
    for arena in 0..2 {
        let tcb = vault(slot::FREE + 32 * arena);
        if holder != Some(arena) && world.calls.runs(tcb) {
            return Some("a denied generation runs");
        }
    }
    // Out of service, clients have their own regions and nobody else has anything (see `Supervisor::release`).
    let served = !matches!(unit.machine().phase(), Phase::OutOfService(_));
    if holder.is_none() {
        if devices().any(|at| world.calls.has_children(at)) {
            return Some("derived after a denial");
        }
        if served && regions(places).any(|at| world.calls.has_children(at)) {
            return Some("derived after a denial");
        }
        if world.calls.irq_bound(plan::IRQ) {
            return Some("interrupt bound after a denial");
        }
        for client in 0..CLIENTS as u32 {
            let vspace = vault(slot::CLIENT_VSPACES + client);
            let regions = [plan::CLIENT_QUEUE, plan::CLIENT_RING];
            if served && world.calls.reaches_any(vspace, regions) {
                return Some("reached after a denial");
            }
        }
    }
    if let Some(arena) = holder
        && matches!(unit.machine().phase(), Phase::Starting | Phase::Probation)
        && world
            .calls
            .reached(vault(slot::FREE + 32 * arena + 2), driver_at::NEXT_FIRMWARE)
            .is_some()
    {
        return Some("another generation's firmware");
    }
    if more_than_planned(world, holder) {
        return Some("more rights than planned");
    }
    if let Some(arena) = holder {
        let own = unit.machine().holder_arena().map(u32::from);
        if own.is_some_and(|own| own != arena) {
            return Some("two holders");
        }
        let mut built = (WORKSHOP_TCB..WORKSHOP_REST + 2).map(|n| WORKSHOP + u64::from(n));
        let building = matches!(unit.machine().phase(), Phase::Building | Phase::Waiting);
        let serving = unit.machine().phase() == Phase::Starting;
        if serving && !building && built.any(|at| world.calls.filled(at)) {
            return Some("stage holds what runs");
        }
    }
    books_too.then(|| books(supervisor, world)).flatten()
}

/// The slots that the books call free are empty, and those that they call used are full.
fn books(supervisor: &Supervisor<'static, Handle>, world: &World) -> Option<&'static str> {
    let books = supervisor.books();
    let mut free = books.free();
    if free.any(|VaultSlot(at)| world.calls.filled(vault(at))) {
        return Some("books");
    }
    let first = slot::FREE + 2 * 32;
    let filled = (first..first + COPIES).filter(|at| world.calls.filled(vault(*at)));
    (filled.count() as u32 > books.in_use()).then_some("books")
}

/// What must hold at the end, when nothing is under way.
pub fn check_end(supervisor: &Supervisor<'static, Handle>, world: &World) -> Option<&'static str> {
    if let Some(rule) = books(supervisor, world) {
        return Some(rule);
    }
    let unit = supervisor.units().first()?;
    let holder = unit.machine().holder_arena();
    for arena in 0..2u32 {
        let first = slot::ARENAS + arena * UNTYPEDS;
        let mut untypeds = (first..first + UNTYPEDS).map(vault);
        if holder.map(u32::from) != Some(arena)
            && untypeds.any(|at| !world.calls.filled(at) || world.calls.has_children(at))
        {
            return Some("an idle arena holds something");
        }
    }
    None
}

/// The originals of device and interrupt.
fn devices() -> impl Iterator<Item = u64> {
    [slot::DEVICE, slot::HANDLER].into_iter().map(vault)
}

/// The originals of all regions.
fn regions(places: &Places) -> impl Iterator<Item = u64> {
    let queues = (0..CLIENTS).flat_map(|n| places.originals(n));
    queues.chain([vault(slot::RING)])
}

fn arena_of(tcb: u32) -> u32 {
    (tcb - slot::FREE) / 32
}

/// Whether the holder can write its orders or firmware, or the last client the ring: they may only be read.
fn more_than_planned(world: &World, holder: Option<u32>) -> bool {
    let writes = |vspace, vaddr| world.calls.reached(vspace, vaddr).is_some_and(|r| r.write);
    let own = holder.map(|arena| vault(slot::FREE + 32 * arena + 2));
    let last = vault(slot::CLIENT_VSPACES + CLIENTS as u32 - 1);
    let only_read = [
        driver_at::ORDERS,
        driver_at::FIRMWARE,
        driver_at::NEXT_FIRMWARE,
    ];
    own.is_some_and(|own| only_read.into_iter().any(|at| writes(own, at)))
        || writes(last, plan::CLIENT_RING)
}

/// Whether a generation can touch the control pages of another.
fn reaches_anothers(world: &World, places: &Places, arena: u32) -> bool {
    let vspace = vault(slot::FREE + 32 * arena + 2);
    let (orders, report) = places.control[arena as usize];
    let other = |vaddr, own| {
        let reached = world.calls.reached(vspace, vaddr);
        reached.is_some_and(|reached| reached.paddr != own)
    };
    world.calls.filled(vspace)
        && (other(driver_at::ORDERS, orders) || other(driver_at::REPORT, report))
}

/// Whether a generation can touch anything of the component.
fn reaches(world: &World, places: &Places, arena: u32) -> bool {
    let vspace = vault(slot::FREE + 32 * arena + 2);
    let queues = (0..CLIENTS).flat_map(|n| {
        let pages = 0..u64::from(places.pages[n]);
        pages.map(move |page| driver_at::queue(n) + page * 4096)
    });
    let others = [driver_at::RING, driver_at::DEVICE];
    world
        .calls
        .reaches_any(vspace, others.into_iter().chain(queues))
}
