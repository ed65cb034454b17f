// SPDX-License-Identifier: BSD-2-Clause
//! Where things are: slots of the vault, and addresses in a generation, in a client and in `update`.

use super::{ARENAS, CLIENTS, MOST_PAGES, QUEUE_PAGES, UNTYPEDS, VAULT};
use crate::shape::COMPONENTS;

/// Slots of the vault.
pub mod slot {
    use super::{CLIENTS, COMPONENTS, EACH};

    pub const SCHED_CONTROL: u32 = 0;
    pub const OWN_TCB: u32 = 1;
    pub const ENDPOINT: u32 = 2;
    pub const OWN_SC: u32 = 3;
    pub const STAGE_SC: u32 = 4;
    pub const OWN_VSPACE: u32 = 5;
    pub const CLIENT_VSPACES: u32 = 6;
    /// Those of the first component, then those of the second.
    pub const COMPONENT: u32 = CLIENT_VSPACES + CLIENTS as u32;
    /// What the books have: the generations' parts, then copies.
    pub const FREE: u32 = COMPONENT + COMPONENTS as u32 * EACH;
}

/// A component's slots.
#[derive(Clone, Copy)]
pub enum Own {
    Port,
    Sc,
    Handler,
    Device,
    Ring,
    /// Orders and report of an arena.
    Control(usize),
    /// The first of an arena's untypeds.
    Arena(usize),
    /// The first frame of a client's region.
    Queue(usize),
}

const CONTROL: u32 = 5;
const UNTYPED: u32 = CONTROL + 2 * ARENAS as u32;
const QUEUES: u32 = UNTYPED + ARENAS as u32 * UNTYPEDS;
/// Slots of a component.
const EACH: u32 = QUEUES + CLIENTS as u32 * MOST_PAGES;
/// Slots of a generation's part in the books.
pub const PART: u32 = 32;

/// A slot of a component.
pub const fn own(component: usize, what: Own) -> u32 {
    let first = slot::COMPONENT + component as u32 * EACH;
    first
        + match what {
            Own::Port => 0,
            Own::Sc => 1,
            Own::Handler => 2,
            Own::Device => 3,
            Own::Ring => 4,
            Own::Control(arena) => CONTROL + 2 * arena as u32,
            Own::Arena(arena) => UNTYPED + arena as u32 * UNTYPEDS,
            Own::Queue(client) => QUEUES + client as u32 * MOST_PAGES,
        }
}

/// The component that a slot belongs to, with the slot's number in it.
const fn component_of(slot: u32) -> Option<(usize, u32)> {
    if slot < slot::COMPONENT || slot >= slot::FREE {
        return None;
    }
    let at = slot - slot::COMPONENT;
    Some(((at / EACH) as usize, at % EACH))
}

/// The component whose device this is the original of.
pub fn device_of(slot: u32) -> Option<usize> {
    let (component, _) = component_of(slot)?;
    (slot == own(component, Own::Device)).then_some(component)
}

/// The component that loses its device or a shared region when this original is revoked.
pub fn taken_from(slot: u32) -> Option<usize> {
    let (component, at) = component_of(slot)?;
    let device = [Own::Device, Own::Ring].map(|what| own(component, what));
    (device.contains(&slot) || at >= QUEUES).then_some(component)
}

/// Whether it is an original of an interrupt's handler, and of an arena's untyped.
pub fn is_handler(slot: u32) -> bool {
    component_of(slot).is_some_and(|(component, _)| slot == own(component, Own::Handler))
}

/// Whether it is an untyped of an arena.
pub fn is_arena(slot: u32) -> bool {
    component_of(slot).is_some_and(|(_, at)| (UNTYPED..QUEUES).contains(&at))
}

/// The address of a slot of the vault.
pub const fn vault(slot: u32) -> u64 {
    VAULT + slot as u64
}

/// The first slot of a generation's part: its TCB.
pub const fn part(component: usize, arena: usize) -> u32 {
    slot::FREE + PART * (component * ARENAS + arena) as u32
}

/// Component and arena of the generation with this TCB.
pub const fn generation_of(tcb: u32) -> (usize, usize) {
    let number = ((tcb - slot::FREE) / PART) as usize;
    (number / ARENAS, number % ARENAS)
}

/// A generation's TCB.
pub const fn tcb(component: usize, arena: usize) -> u64 {
    vault(part(component, arena))
}

/// A generation's VSpace.
pub const fn vspace(component: usize, arena: usize) -> u64 {
    vault(part(component, arena) + 2)
}

/// A client's VSpace.
pub const fn client_vspace(client: usize) -> u64 {
    vault(slot::CLIENT_VSPACES + client as u32)
}

/// Addresses in a generation, of whichever component.
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

/// Address of a component's region in a client.
pub const fn client_queue(component: usize) -> u64 {
    CLIENT_QUEUES + component as u64 * (1 << 20)
}
pub const CLIENT_QUEUES: u64 = 0x3000_0000;

/// The component whose region begins at this address in a client.
pub fn queue_at(address: u64) -> Option<usize> {
    (0..COMPONENTS).find(|component| client_queue(*component) == address)
}

/// Where the last client finds the ring of a component.
pub const fn client_ring(component: usize) -> u64 {
    client_queue(component) + QUEUE_PAGES as u64 * 4096
}

/// Where `update` maps a component's device.
pub const fn own_device(component: usize) -> u64 {
    OWN_DEVICES + component as u64 * 4096
}
pub const OWN_DEVICES: u64 = 0x2000_0000;
