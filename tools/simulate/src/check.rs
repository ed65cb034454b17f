// SPDX-License-Identifier: BSD-2-Clause
//! The rules that must hold after each step, checked by asking the kernel's core.

use molt_supervisor::Supervisor;
use molt_system::cspace::{WORKSHOP_REST, WORKSHOP_TCB};
use molt_system::{COPIES, VaultSlot};
use molt_update::Phase;

use crate::plan::{
    self, ARENAS, ONLOOKER, Own, PART, Places, UNTYPEDS, WORKSHOP, driver_at, own, slot, vault,
};
use crate::world::{Handle, World};

/// The rule that is broken of a component, if one is. `books_too`: the books may have changed.
pub fn check(
    supervisor: &Supervisor<'static, Handle>,
    world: &World,
    places: &Places,
    component: usize,
    books_too: bool,
) -> Option<&'static str> {
    let unit = supervisor.units().get(component)?;
    let place = unit.holder().place();
    let holder = place.map(|place| plan::generation_of(place.tcb.0).1);
    for arena in (0..ARENAS).filter(|arena| holder != Some(*arena)) {
        if reaches(world, places, component, arena) {
            return Some(if holder.is_some() {
                "two holders"
            } else {
                "reached after a denial"
            });
        }
        if world.calls.runs(plan::tcb(component, arena)) {
            return Some("a denied generation runs");
        }
    }
    if (0..ARENAS).any(|arena| reaches_anothers(world, places, component, arena)) {
        return Some("another generation's control pages");
    }
    // Out of service, clients have their own regions and nobody else has anything (see `Supervisor::release`).
    let served = !matches!(unit.machine().phase(), Phase::OutOfService(_));
    if holder.is_none() {
        if devices(component).any(|at| world.calls.has_children(at)) {
            return Some("derived after a denial");
        }
        if served
            && places
                .regions(component)
                .any(|at| world.calls.has_children(at))
        {
            return Some("derived after a denial");
        }
        if world.calls.irq_bound(plan::IRQ + component as u32) {
            return Some("interrupt bound after a denial");
        }
        for client in places.of(component).clients() {
            let vspace = plan::client_vspace(client);
            let regions = [plan::client_queue(component), plan::client_ring(component)];
            if served && world.calls.reaches_any(vspace, regions) {
                return Some("reached after a denial");
            }
        }
    }
    if let Some(arena) = holder {
        let vspace = plan::vspace(component, arena);
        let reached = |vaddr| world.calls.reached(vspace, vaddr);
        let trying = matches!(unit.machine().phase(), Phase::Starting | Phase::Probation);
        if trying && reached(driver_at::NEXT_FIRMWARE).is_some() {
            return Some("another generation's firmware");
        }
        if more_than_planned(world, places, component, arena) {
            return Some("more rights than planned");
        }
        let device = reached(driver_at::DEVICE).map(|reached| reached.paddr);
        if device.is_some_and(|at| at != places.of(component).device) {
            return Some("another component's device");
        }
        let of = unit.machine().holder_arena().map(usize::from);
        if of.is_some_and(|of| of != arena) {
            return Some("two holders");
        }
        // Others may be building.
        let phases = supervisor.units().iter().map(|u| u.machine().phase());
        let building = |phase| matches!(phase, Phase::Building | Phase::Waiting);
        let mut built = (WORKSHOP_TCB..WORKSHOP_REST + 2).map(|n| WORKSHOP + u64::from(n));
        let serving = unit.machine().phase() == Phase::Starting;
        if serving && !phases.into_iter().any(building) && built.any(|at| world.calls.filled(at)) {
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
    let arenas = (ARENAS * supervisor.units().len()) as u32;
    let first = slot::FREE + arenas * PART;
    let filled = (first..first + COPIES).filter(|at| world.calls.filled(vault(*at)));
    (filled.count() as u32 > books.in_use()).then_some("books")
}

/// What must hold at the end, when nothing is under way.
pub fn check_end(supervisor: &Supervisor<'static, Handle>, world: &World) -> Option<&'static str> {
    if let Some(rule) = books(supervisor, world) {
        return Some(rule);
    }
    for (component, unit) in supervisor.units().iter().enumerate() {
        let holder = unit.machine().holder_arena().map(usize::from);
        for arena in (0..ARENAS).filter(|arena| holder != Some(*arena)) {
            let first = own(component, Own::Arena(arena));
            let mut untypeds = (first..first + UNTYPEDS).map(vault);
            if untypeds.any(|at| !world.calls.filled(at) || world.calls.has_children(at)) {
                return Some("an idle arena holds something");
            }
        }
    }
    None
}

/// The originals of a component's device and interrupt.
fn devices(component: usize) -> impl Iterator<Item = u64> {
    [Own::Device, Own::Handler]
        .into_iter()
        .map(move |what| vault(own(component, what)))
}

/// Whether the holder can write its orders or firmware, or the last client the ring: they may only be read.
fn more_than_planned(world: &World, places: &Places, component: usize, arena: usize) -> bool {
    let writes = |vspace, vaddr| world.calls.reached(vspace, vaddr).is_some_and(|r| r.write);
    let last = plan::client_vspace(ONLOOKER);
    let only_read = [
        driver_at::ORDERS,
        driver_at::FIRMWARE,
        driver_at::NEXT_FIRMWARE,
    ];
    let own = plan::vspace(component, arena);
    only_read.into_iter().any(|at| writes(own, at))
        || writes(last, plan::client_ring(places.looked_on()))
}

/// Whether a generation can touch the control pages of another.
fn reaches_anothers(world: &World, places: &Places, component: usize, arena: usize) -> bool {
    let vspace = plan::vspace(component, arena);
    let (orders, report) = places.of(component).control[arena];
    let other = |vaddr, own| {
        let reached = world.calls.reached(vspace, vaddr);
        reached.is_some_and(|reached| reached.paddr != own)
    };
    world.calls.filled(vspace)
        && (other(driver_at::ORDERS, orders) || other(driver_at::REPORT, report))
}

/// Whether a generation can touch anything of its component.
fn reaches(world: &World, places: &Places, component: usize, arena: usize) -> bool {
    let place = places.of(component);
    let queues = place.clients().flat_map(|n| {
        let pages = 0..u64::from(place.pages[n]);
        pages.map(move |page| driver_at::queue(n) + page * 4096)
    });
    let others = [driver_at::RING, driver_at::DEVICE];
    let vspace = plan::vspace(component, arena);
    world
        .calls
        .reaches_any(vspace, others.into_iter().chain(queues))
}
