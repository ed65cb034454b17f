// SPDX-License-Identifier: BSD-2-Clause
//! The plan that `update` gets.

use std::sync::OnceLock;

use molt_supervisor::Rights;
use molt_system::{
    Arena, Authority, COPIES, ControlPage, DeviceFrames, GatePages, NONE, Name, OperatorLink,
    Region, RegionMapping, Ring, StageLink, UpdateBrief, UpdateClient, UpdateComponent,
    UpdateFirmware, UpdateIrq, VaultSlot,
};

use super::*;

/// The components' names.
pub const NAMES: [&str; COMPONENTS] = ["disk", "backup"];

/// The plan. `update` finds memory at its physical address.
/// `all_update`: a mutant's, in which every client may update.
pub fn brief(places: &Places, all_update: bool) -> &'static UpdateBrief {
    static BRIEFS: [OnceLock<(Places, Box<UpdateBrief>)>; 128] = [const { OnceLock::new() }; 128];
    let shape = places.shape;
    let bits = [
        all_update,
        shape.firmware[0],
        shape.firmware[1],
        shape.is_pair(),
    ];
    let flags = bits
        .into_iter()
        .fold(0, |all, bit| all << 1 | usize::from(bit));
    let which = flags << 3 | shape.technique as usize;
    let (made_for, brief) =
        BRIEFS[which].get_or_init(|| (*places, Box::new(make(places, all_update))));
    assert_eq!(made_for, places, "the set-up is the same each time");
    brief
}

fn make(places: &Places, all_update: bool) -> UpdateBrief {
    let shape = places.shape;
    let mut brief = UpdateBrief {
        log: Ring {
            vaddr: LOG,
            size: LOG_SIZE,
            channel: NONE,
            ..Ring::default()
        },
        authority: Authority {
            sched_control: VaultSlot(slot::SCHED_CONTROL),
            tcb: VaultSlot(slot::OWN_TCB),
            endpoint: VaultSlot(slot::ENDPOINT),
            own_sc: VaultSlot(slot::OWN_SC),
            stage_sc: VaultSlot(slot::STAGE_SC),
            free_first: VaultSlot(slot::FREE),
            free_count: COPIES + PART * (ARENAS * shape.components) as u32,
            reserved: 0,
        },
        stage: StageLink {
            commands: COMMANDS,
            results: RESULTS,
            channel: STAGE_CHANNEL,
            reserved: 0,
        },
        operator: OperatorLink {
            ring: OPERATOR,
            size: 4096,
            channel: SERIAL_CHANNEL,
            may: u32::MAX,
        },
        timer_channel: TIMER_CHANNEL,
        component_count: shape.components as u32,
        client_count: CLIENTS as u32,
        ..UpdateBrief::default()
    };
    for n in 0..shape.components {
        let first = brief.region_count;
        for region in regions(places, n) {
            brief.regions[brief.region_count as usize] = region;
            brief.region_count += 1;
        }
        brief.components[n] = UpdateComponent {
            first_region: first,
            region_count: brief.region_count - first,
            ..component(places, n)
        };
    }
    for n in 0..CLIENTS {
        brief.clients[n] = client(shape, n, all_update);
    }
    brief
}

/// The shared memory of a component.
fn regions(places: &Places, component: usize) -> Vec<Region> {
    let client = |n: usize, vaddr, rights| RegionMapping {
        holder: n as u32,
        vspace: VaultSlot(slot::CLIENT_VSPACES + n as u32),
        vaddr,
        rights,
        attributes: 5,
    };
    let onlooker = client(ONLOOKER, client_ring(component), u32::from(Rights::READ.0));
    let all = [generation(driver_at::RING), onlooker];
    let seen = if component == places.looked_on() {
        &all[..]
    } else {
        &all[..1]
    };
    let ring = region("ring", own(component, Own::Ring), 1, seen);
    let place = places.of(component);
    let queues = place.clients().map(|n| {
        let both = [
            generation(driver_at::queue(n)),
            client(n, client_queue(component), 3),
        ];
        let first = own(component, Own::Queue(n));
        region("queue", first, place.pages[n], &both)
    });
    [ring].into_iter().chain(queues).collect()
}

fn client(shape: Shape, n: usize, all_update: bool) -> UpdateClient {
    let (to_client, to_update) = gate(n);
    let used = uses(shape, n);
    let may_update = if all_update {
        used
    } else {
        may_update(shape, n)
    };
    let mut defer_us = [0; molt_system::MAX_COMPONENTS];
    components(used).for_each(|component| defer_us[component] = DEFER_US[n]);
    UpdateClient {
        name: Name::new(["first", "second", "third"][n]),
        channel: CLIENT_CHANNEL + n as u32,
        child: CLIENT_CHILD + n as u32,
        gate: GatePages {
            to_client,
            to_update,
        },
        components: used,
        may_update,
        staging_size: 0x1000,
        sc: VaultSlot(slot::OWN_SC),
        staging: n as u32,
        limits: Default::default(),
        defer_us,
        consents: consents(shape, n),
    }
}

fn generation(vaddr: u64) -> RegionMapping {
    RegionMapping {
        holder: NONE,
        vspace: VaultSlot::NONE,
        vaddr,
        rights: 3,
        attributes: 5,
    }
}

fn region(name: &str, first: u32, count: u32, mappings: &[RegionMapping]) -> Region {
    let mut region = Region {
        name: Name::new(name),
        first: VaultSlot(first),
        count,
        page_bits: 12,
        size: u64::from(count) * 4096,
        mapping_count: mappings.len() as u32,
        ..Region::default()
    };
    region.mappings[..mappings.len()].copy_from_slice(mappings);
    region
}

fn component(places: &Places, n: usize) -> UpdateComponent {
    let page = |slot, update_vaddr, driver_vaddr| ControlPage {
        frame: VaultSlot(slot),
        reserved: 0,
        update_vaddr,
        driver_vaddr,
    };
    let arena = |arena| {
        let (orders, report) = places.of(n).control[arena];
        let first = own(n, Own::Control(arena));
        Arena {
            first: VaultSlot(own(n, Own::Arena(arena))),
            count: UNTYPEDS,
            size_bits: UNTYPED_BITS,
            reserved: 0,
            orders: page(first, orders, driver_at::ORDERS),
            report: page(first + 1, report, driver_at::REPORT),
        }
    };
    let mut component = UpdateComponent {
        name: Name::new(NAMES[n]),
        arenas: [arena(0), arena(1)],
        port: VaultSlot(own(n, Own::Port)),
        sc: VaultSlot(own(n, Own::Sc)),
        priority: 200,
        stop: 1,
        channel: DRIVER_CHANNEL + n as u32,
        child: DRIVER_CHILD + n as u32,
        bundle_slots: 3,
        budget_us: 1000,
        period_us: 1000,
        quiesce_us: QUIESCE_US,
        ready_us: READY_US,
        probation_us: PROBATION_US,
        probation_completions: COMPLETIONS,
        attempts: ATTEMPTS,
        relapses: RELAPSES,
        factory_sequence: 1,
        device_count: 1,
        irq_count: 1,
        ..UpdateComponent::default()
    };
    component.devices[0] = DeviceFrames {
        first: VaultSlot(own(n, Own::Device)),
        count: 1,
        page_bits: 12,
        reserved: 0,
        paddr: 0,
        driver_vaddr: driver_at::DEVICE,
        update_vaddr: own_device(n),
    };
    component.irqs[0] = UpdateIrq {
        handler: VaultSlot(own(n, Own::Handler)),
        number: IRQ + n as u32,
        id: 0,
        edge: 1,
    };
    if places.shape.firmware[n] {
        component.firmware = UpdateFirmware {
            size: u64::from(FIRMWARE_PAGES) * 4096,
            next: driver_at::NEXT_FIRMWARE,
            transfer_us: TRANSFER_US,
        };
    }
    component
}
