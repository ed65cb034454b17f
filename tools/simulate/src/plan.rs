// SPDX-License-Identifier: BSD-2-Clause
//! The system that is simulated: one component with a device, an interrupt and three clients; and how it is set up, as
//! `monitor` and the tool would.

use std::sync::OnceLock;

use molt_block_queue::layout::WORDS as REGION_WORDS;
use molt_supervisor::Rights;
use molt_system::{
    Arena, Authority, COPIES, ControlPage, DeviceFrames, GatePages, NONE, Name, OperatorLink,
    Region, RegionMapping, Ring, StageLink, UpdateBrief, UpdateClient, UpdateComponent,
    UpdateFirmware, UpdateIrq, VaultSlot,
};

use crate::calls::{Calls, object};
use crate::ram::FIXED;
use crate::technique::Technique;

/// Clients: the first two may update.
pub const CLIENTS: usize = 3;
/// Clients whose doorbell may offer updates.
pub const UPDATERS: usize = 2;
/// How long an update waits for each client that defers it, in us.
pub const DEFER_US: [u64; CLIENTS] = [20_000, 50_000, 0];
/// Untypeds of an arena, and their size: TCB, CNode, VSpace and tables.
pub const UNTYPEDS: u32 = 3;
const UNTYPED_BITS: u32 = 14;
/// Pages of a firmware.
pub const FIRMWARE_PAGES: u32 = 2;
/// Frames of a queue.
pub const QUEUE_PAGES: u32 = (REGION_WORDS as u32 * 8).div_ceil(4096);
/// Frames behind it for a stand-in: the data of two records (`molt_block_queue::OWN`).
const STAND_IN_PAGES: u32 = 32;
/// Frames and slots that each client's region has room for.
const MOST_PAGES: u32 = QUEUE_PAGES + STAND_IN_PAGES;
/// The client that is a VMM in a run with a technique.
pub const GUEST: usize = 1;

/// First slot of the vault, of the workshop, of children's TCBs in the root task's CNode.
pub const VAULT: u64 = 4096;
pub const WORKSHOP: u64 = 20_000;
pub const CHILD: u64 = 1000;

/// Child identifiers.
pub const DRIVER_CHILD: u32 = 10;
pub const CLIENT_CHILD: u32 = 1;
/// Channels.
pub const CLIENT_CHANNEL: u32 = 1;
pub const DRIVER_CHANNEL: u32 = 10;
pub const STAGE_CHANNEL: u32 = 20;
pub const TIMER_CHANNEL: u32 = 30;
/// The device's interrupt.
pub const IRQ: u32 = 40;

/// Slots of the vault.
pub mod slot {
    pub const SCHED_CONTROL: u32 = 0;
    pub const OWN_TCB: u32 = 1;
    pub const ENDPOINT: u32 = 2;
    pub const OWN_SC: u32 = 3;
    pub const STAGE_SC: u32 = 4;
    pub const PORT: u32 = 5;
    pub const SC: u32 = 6;
    pub const HANDLER: u32 = 7;
    pub const ARENAS: u32 = 10;
    pub const DEVICE: u32 = 18;
    pub const RING: u32 = 19;
    pub const QUEUES: u32 = 20;
    pub const CLIENT_VSPACES: u32 = QUEUES + super::CLIENTS as u32 * super::MOST_PAGES;
    pub const OWN_VSPACE: u32 = CLIENT_VSPACES + super::CLIENTS as u32;
    /// Orders and report of the first arena, then those of the second.
    pub const CONTROL: u32 = OWN_VSPACE + 1;
    pub const FREE: u32 = CONTROL + 4;
}

/// Addresses in a generation.
pub mod driver_at {
    pub const ORDERS: u64 = 0x1000_0000;
    pub const REPORT: u64 = 0x1000_1000;
    pub const RING: u64 = 0x1000_2000;
    pub const DEVICE: u64 = 0x1000_3000;
    pub const FIRMWARE: u64 = 0x1000_4000;
    pub const NEXT_FIRMWARE: u64 = 0x1000_8000;
    const QUEUES: u64 = 0x1001_0000;

    /// A client's region.
    pub const fn queue(client: usize) -> u64 {
        QUEUES + client as u64 * super::MOST_PAGES as u64 * 4096
    }
}
/// Address of a client's queue in the client.
pub const CLIENT_QUEUE: u64 = 0x3000_0000;
/// Where the last client finds the ring.
pub const CLIENT_RING: u64 = CLIENT_QUEUE + QUEUE_PAGES as u64 * 4096;
/// Where `update` maps the device.
pub const OWN_DEVICE: u64 = 0x2000_0000;

/// Times of the plan, in us.
pub const QUIESCE_US: u64 = 2_000;
pub const READY_US: u64 = 5_000;
pub const PROBATION_US: u64 = 80_000;
pub const TRANSFER_US: u64 = 50_000;
/// Completions that end probation.
pub const COMPLETIONS: u32 = 3;
pub const ATTEMPTS: u32 = 3;
pub const RELAPSES: u32 = 5;

/// Pages that are shared for good, from [`FIXED`] on.
const fn fixed(page: u64) -> u64 {
    FIXED + page * 4096
}
pub const COMMANDS: u64 = fixed(0);
pub const RESULTS: u64 = fixed(1);
pub const LOG: u64 = fixed(8);
pub const LOG_SIZE: u64 = 0x1_0000;
/// What the operator types; behind the log.
pub const OPERATOR: u64 = fixed(24);
pub const SERIAL_CHANNEL: u32 = 31;
/// What a VMM has for itself: the page of registers that its guest reads, its guest's memory, the stand-in's.
pub const REGISTERS: u64 = fixed(25);
pub const GUEST_MEMORY: u64 = fixed(26);
pub const GUEST_MEMORY_SIZE: u64 = 14 * 4096;
pub const STAND_IN: u64 = fixed(40);
pub const STAND_IN_SIZE: u64 = 16 * 4096;
/// How long a guest stands still at the most, in us.
pub const PAUSE_LIMIT_US: u64 = 10_000;

/// A client's gate pages: to it, and from it.
pub const fn gate(client: usize) -> (u64, u64) {
    (fixed(2 + 2 * client as u64), fixed(3 + 2 * client as u64))
}

/// Where things lie that the kernel made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Orders and report of each arena.
    pub control: [(u64, u64); 2],
    pub ring: u64,
    pub queues: [u64; CLIENTS],
    /// Frames of each client's region.
    pub pages: [u32; CLIENTS],
}

impl Places {
    /// Bytes of a client's region.
    pub const fn size(&self, client: usize) -> u64 {
        self.pages[client] as u64 * 4096
    }

    /// The originals of a client's region.
    pub fn originals(&self, client: usize) -> impl Iterator<Item = u64> {
        let first = queue_slot(client);
        (first..first + self.pages[client]).map(vault)
    }
}

/// The first slot of a client's region.
const fn queue_slot(client: usize) -> u32 {
    slot::QUEUES + client as u32 * MOST_PAGES
}

/// The address of a slot of the vault.
pub const fn vault(slot: u32) -> u64 {
    VAULT + slot as u64
}

/// Makes all objects. The same each time: so are their addresses.
pub fn set_up(calls: &mut Calls, technique: Technique) -> Places {
    let mut pages = [QUEUE_PAGES; CLIENTS];
    if technique.stands_in() {
        pages[GUEST] += STAND_IN_PAGES;
    }
    let (all, _) = *calls.untypeds.last().expect("memory");
    let mut make = |kind, bits, to, count| {
        let made = calls.retype(all, kind, bits, to, count);
        made.expect("there is memory for the plan");
    };
    // Large and aligned ones first.
    make(
        object::UNTYPED,
        UNTYPED_BITS.into(),
        vault(slot::ARENAS),
        2 * u64::from(UNTYPEDS),
    );
    make(
        object::VSPACE,
        0,
        vault(slot::CLIENT_VSPACES),
        CLIENTS as u64,
    );
    make(object::VSPACE, 0, vault(slot::OWN_VSPACE), 1);
    make(object::PAGE, 0, vault(slot::DEVICE), 1);
    make(object::PAGE, 0, vault(slot::RING), 1);
    for (n, pages) in pages.into_iter().enumerate() {
        make(object::PAGE, 0, vault(queue_slot(n)), pages.into());
    }
    make(object::PAGE, 0, 200, 4);
    make(object::PAGE_TABLE, 0, 210, 2 * (CLIENTS as u64 + 1));
    make(object::TCB, 0, CHILD, 8);
    make(object::TCB, 0, vault(slot::OWN_TCB), 1);
    make(object::SCHED_CONTEXT, 8, vault(slot::OWN_SC), 2);
    make(object::SCHED_CONTEXT, 8, vault(slot::SC), 1);
    make(object::NOTIFICATION, 0, vault(slot::PORT), 1);
    make(object::ENDPOINT, 0, vault(slot::ENDPOINT), 1);
    let done = |result: Result<(), u64>| result.expect("the plan can be set up");
    // A copy of each control page is what the plan names; SchedControl and the authority are the root task's.
    for n in 0..4 {
        done(calls.copy(None, vault(slot::CONTROL + n), 200 + u64::from(n), 3));
    }
    done(calls.issue_irq(IRQ.into(), vault(slot::HANDLER)));
    let spaces = (0..CLIENTS as u32).map(|n| slot::CLIENT_VSPACES + n);
    for (n, space) in spaces.chain([slot::OWN_VSPACE]).enumerate() {
        let at = if space == slot::OWN_VSPACE {
            OWN_DEVICE
        } else {
            CLIENT_QUEUE
        };
        done(calls.assign_asid(vault(space)));
        for table in [210 + 2 * n as u64, 211 + 2 * n as u64] {
            done(calls.map_table(table, vault(space), at));
        }
    }
    let mut queue = |n: usize| calls.paddr(vault(queue_slot(n)));
    let queues = [queue(0), queue(1), queue(2)];
    Places {
        control: [200, 202].map(|at| (calls.paddr(at), calls.paddr(at + 1))),
        ring: calls.paddr(vault(slot::RING)),
        queues,
        pages,
    }
}

/// The plan. `update` finds memory at its physical address.
/// `all_update`: a mutant's, in which every client may update. `firmware`: the device runs firmware that comes with its driver.
pub fn brief(places: &Places, all_update: bool, firmware: bool) -> &'static UpdateBrief {
    static BRIEFS: [OnceLock<(Places, Box<UpdateBrief>)>; 8] = [const { OnceLock::new() }; 8];
    let larger = places.pages[GUEST] > QUEUE_PAGES;
    let which = usize::from(all_update) | usize::from(firmware) << 1 | usize::from(larger) << 2;
    let (made_for, brief) = BRIEFS[which].get_or_init(|| {
        let updaters = if all_update { CLIENTS } else { UPDATERS };
        (*places, Box::new(make(places, updaters, firmware)))
    });
    assert_eq!(made_for, places, "the set-up is the same each time");
    brief
}

fn make(places: &Places, updaters: usize, firmware: bool) -> UpdateBrief {
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
            free_count: COPIES + 2 * 32,
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
        component_count: 1,
        region_count: 1 + CLIENTS as u32,
        client_count: CLIENTS as u32,
        ..UpdateBrief::default()
    };
    brief.components[0] = component(places);
    if firmware {
        brief.components[0].firmware = UpdateFirmware {
            size: u64::from(FIRMWARE_PAGES) * 4096,
            next: driver_at::NEXT_FIRMWARE,
            transfer_us: TRANSFER_US,
        };
    }
    // The last client sees the ring and may not write to it.
    let onlooker = RegionMapping {
        holder: CLIENTS as u32 - 1,
        vspace: VaultSlot(slot::CLIENT_VSPACES + CLIENTS as u32 - 1),
        vaddr: CLIENT_RING,
        rights: u32::from(Rights::READ.0),
        attributes: 5,
    };
    let ring = [generation(driver_at::RING), onlooker];
    brief.regions[0] = region("ring", slot::RING, 1, &ring);
    for n in 0..CLIENTS {
        let client = RegionMapping {
            holder: n as u32,
            vspace: VaultSlot(slot::CLIENT_VSPACES + n as u32),
            vaddr: CLIENT_QUEUE,
            rights: 3,
            attributes: 5,
        };
        let own = generation(driver_at::queue(n));
        brief.regions[1 + n] = region("queue", queue_slot(n), places.pages[n], &[own, client]);
        let (to_client, to_update) = gate(n);
        brief.clients[n] = UpdateClient {
            name: Name::new(["first", "second", "third"][n]),
            channel: CLIENT_CHANNEL + n as u32,
            child: CLIENT_CHILD + n as u32,
            gate: GatePages {
                to_client,
                to_update,
            },
            components: 1,
            may_update: u32::from(n < updaters),
            staging_size: 0x1000,
            sc: VaultSlot(slot::OWN_SC),
            staging: n as u32,
            limits: Default::default(),
            defer_us: [DEFER_US[n], 0, 0, 0],
            consents: 0,
        };
    }
    brief
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

fn component(places: &Places) -> UpdateComponent {
    let page = |slot, update_vaddr, driver_vaddr| ControlPage {
        frame: VaultSlot(slot),
        reserved: 0,
        update_vaddr,
        driver_vaddr,
    };
    let arena = |n, (orders, report)| Arena {
        first: VaultSlot(slot::ARENAS + n * UNTYPEDS),
        count: UNTYPEDS,
        size_bits: UNTYPED_BITS,
        reserved: 0,
        orders: page(slot::CONTROL + 2 * n, orders, driver_at::ORDERS),
        report: page(slot::CONTROL + 2 * n + 1, report, driver_at::REPORT),
    };
    let [first, second] = places.control;
    let mut component = UpdateComponent {
        name: Name::new("disk"),
        arenas: [arena(0, first), arena(1, second)],
        first_region: 0,
        region_count: 1 + CLIENTS as u32,
        port: VaultSlot(slot::PORT),
        sc: VaultSlot(slot::SC),
        priority: 200,
        stop: 1,
        channel: DRIVER_CHANNEL,
        child: DRIVER_CHILD,
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
        first: VaultSlot(slot::DEVICE),
        count: 1,
        page_bits: 12,
        reserved: 0,
        paddr: 0,
        driver_vaddr: driver_at::DEVICE,
        update_vaddr: OWN_DEVICE,
    };
    component.irqs[0] = UpdateIrq {
        handler: VaultSlot(slot::HANDLER),
        number: IRQ,
        id: 0,
        edge: 1,
    };
    component
}
