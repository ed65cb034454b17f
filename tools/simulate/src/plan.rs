// SPDX-License-Identifier: BSD-2-Clause
//! The system that is simulated: one component or two, each with a device and an interrupt, and three clients; and how it is set up, as
//! `monitor` and the tool would.

mod brief;
mod layout;

use molt_block_queue::layout::WORDS as REGION_WORDS;

use crate::calls::{Calls, object};
use crate::ram::FIXED;
use crate::shape::{COMPONENTS, Shape};
use crate::technique::Technique;

pub use brief::{NAMES, brief};
pub use layout::*;

/// Clients.
pub const CLIENTS: usize = 3;
/// Clients whose doorbell may offer updates: the first ones.
pub const UPDATERS: usize = 2;
/// Arenas of a component.
pub const ARENAS: usize = 2;
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
/// The client that is a VMM in a run with a technique. It uses the first component alone.
pub const GUEST: usize = 1;
/// The client that sees the last component's ring, and may not write to it.
pub const ONLOOKER: usize = CLIENTS - 1;

/// First slot of the vault, of the workshop, of children's TCBs in the root task's CNode.
pub const VAULT: u64 = 4096;
pub const WORKSHOP: u64 = 20_000;
pub const CHILD: u64 = 1000;

/// Child identifiers; of a component, this and its number.
pub const DRIVER_CHILD: u32 = 10;
pub const CLIENT_CHILD: u32 = 1;
/// Channels, likewise.
pub const CLIENT_CHANNEL: u32 = 1;
pub const DRIVER_CHANNEL: u32 = 10;
pub const STAGE_CHANNEL: u32 = 20;
pub const TIMER_CHANNEL: u32 = 30;
/// The first device's interrupt.
pub const IRQ: u32 = 40;

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

/// Which components a client has to give up before each update, one bit each.
pub fn consents(shape: Shape, client: usize) -> u64 {
    u64::from(client == GUEST && shape.technique == Technique::Unplug)
}

/// Which components a client uses, one bit each. Where there are two, the first client uses both, and the others one each.
pub const fn uses(shape: Shape, client: usize) -> u32 {
    match (shape.is_pair(), client) {
        (false, _) => 0b01,
        (true, 0) => 0b11,
        (true, GUEST) => 0b01,
        (true, _) => 0b10,
    }
}

/// Which components a client may update, one bit each.
pub const fn may_update(shape: Shape, client: usize) -> u32 {
    if client < UPDATERS {
        uses(shape, client)
    } else {
        0
    }
}

/// The components whose bits are set.
pub fn components(set: u32) -> impl Iterator<Item = usize> {
    (0..COMPONENTS).filter(move |component| set & 1 << component != 0)
}

/// Where the memory of a component lies that the kernel made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Orders and report of each arena.
    pub control: [(u64, u64); ARENAS],
    pub device: u64,
    pub ring: u64,
    /// Each client's region, and its frames; 0: it has none.
    pub queues: [u64; CLIENTS],
    pub pages: [u32; CLIENTS],
}

impl Place {
    /// The clients of the component.
    pub fn clients(&self) -> impl Iterator<Item = usize> {
        (0..CLIENTS).filter(|n| self.pages[*n] > 0)
    }

    /// Bytes of a client's region.
    pub const fn size(&self, client: usize) -> u64 {
        self.pages[client] as u64 * 4096
    }
}

/// Where things lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    pub shape: Shape,
    all: [Place; COMPONENTS],
}

impl Places {
    /// Of this component.
    pub const fn of(&self, component: usize) -> &Place {
        &self.all[component]
    }

    /// The originals of all shared memory of a component.
    pub fn regions(&self, component: usize) -> impl Iterator<Item = u64> {
        let queues = (0..CLIENTS).flat_map(move |n| {
            let first = own(component, Own::Queue(n));
            (first..first + self.all[component].pages[n]).map(vault)
        });
        queues.chain([vault(own(component, Own::Ring))])
    }

    /// The component whose ring the last client sees.
    pub const fn looked_on(&self) -> usize {
        self.shape.components - 1
    }
}

/// Makes all objects. The same each time: so are their addresses.
pub fn set_up(calls: &mut Calls, shape: Shape) -> Places {
    let mut all = [Place::default(); COMPONENTS];
    for (component, place) in all.iter_mut().enumerate().take(shape.components) {
        let clients = (0..CLIENTS).filter(|n| uses(shape, *n) & 1 << component != 0);
        clients.for_each(|n| place.pages[n] = QUEUE_PAGES);
    }
    if shape.technique.stands_in() {
        all[0].pages[GUEST] += STAND_IN_PAGES;
    }
    let (memory, _) = *calls.untypeds.last().expect("memory");
    let mut make = |kind, bits, to, count| {
        let made = calls.retype(memory, kind, bits, to, count);
        made.expect("there is memory for the plan");
    };
    // Large and aligned ones first.
    for component in 0..shape.components {
        let untypeds = ARENAS as u64 * u64::from(UNTYPEDS);
        let first = vault(own(component, Own::Arena(0)));
        make(object::UNTYPED, UNTYPED_BITS.into(), first, untypeds);
    }
    make(object::VSPACE, 0, client_vspace(0), CLIENTS as u64);
    make(object::VSPACE, 0, vault(slot::OWN_VSPACE), 1);
    for (component, place) in all.iter().enumerate().take(shape.components) {
        make(object::PAGE, 0, vault(own(component, Own::Device)), 1);
        make(object::PAGE, 0, vault(own(component, Own::Ring)), 1);
        for n in place.clients() {
            let first = vault(own(component, Own::Queue(n)));
            make(object::PAGE, 0, first, place.pages[n].into());
        }
        make(object::SCHED_CONTEXT, 8, vault(own(component, Own::Sc)), 1);
        make(object::NOTIFICATION, 0, vault(own(component, Own::Port)), 1);
    }
    let pages = (2 * ARENAS * shape.components) as u64;
    make(object::PAGE, 0, CONTROL_PAGES, pages);
    make(object::PAGE_TABLE, 0, TABLES, 2 * (CLIENTS as u64 + 1));
    make(object::TCB, 0, CHILD, 8);
    make(object::TCB, 0, vault(slot::OWN_TCB), 1);
    make(object::SCHED_CONTEXT, 8, vault(slot::OWN_SC), 2);
    make(object::ENDPOINT, 0, vault(slot::ENDPOINT), 1);
    let done = |result: Result<(), u64>| result.expect("the plan can be set up");
    for (component, place) in all.iter_mut().enumerate().take(shape.components) {
        // A copy of each control page is what the plan names; SchedControl and the authority are the root task's.
        for (arena, control) in place.control.iter_mut().enumerate() {
            let page = CONTROL_PAGES + 2 * (component * ARENAS + arena) as u64;
            let first = vault(own(component, Own::Control(arena)));
            done(calls.copy(None, first, page, 3));
            done(calls.copy(None, first + 1, page + 1, 3));
            *control = (calls.paddr(page), calls.paddr(page + 1));
        }
        let irq = u64::from(IRQ) + component as u64;
        done(calls.issue_irq(irq, vault(own(component, Own::Handler))));
        place.device = calls.paddr(vault(own(component, Own::Device)));
        place.ring = calls.paddr(vault(own(component, Own::Ring)));
        for n in 0..CLIENTS {
            if place.pages[n] > 0 {
                place.queues[n] = calls.paddr(vault(own(component, Own::Queue(n))));
            }
        }
    }
    let clients = (0..CLIENTS).map(|n| (client_vspace(n), CLIENT_QUEUES));
    let spaces = clients.chain([(vault(slot::OWN_VSPACE), OWN_DEVICES)]);
    for (n, (space, at)) in (0_u64..).zip(spaces) {
        done(calls.assign_asid(space));
        for table in [TABLES + 2 * n, TABLES + 2 * n + 1] {
            done(calls.map_table(table, space, at));
        }
    }
    Places { shape, all }
}

/// Slots of the root task's CNode: control pages, and the tables of clients and `update`.
const CONTROL_PAGES: u64 = 200;
const TABLES: u64 = 220;
