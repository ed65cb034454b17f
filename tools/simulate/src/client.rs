// SPDX-License-Identifier: BSD-2-Clause
//! A client: what it uses ([`Port`]), its doorbell, and the kind of its hostility, if any.

mod port;
mod vmm;

use std::sync::atomic::{AtomicU64, Ordering};

use molt_doorbell::{Answer, Command, Request as Ring, Status};
use molt_gate::{Deferrals, Statistics};

use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::plan::{self, Places, client_queue};
use crate::shape::Shape;
use crate::world::{Actor, World};
pub use port::Port;

/// The misbehaviour of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Reports again and again that the driver broke the protocol.
    Accuses,
    /// Claims that it waits for requests.
    Owes,
    /// Never acknowledges.
    Ignores,
    /// Writes anything into its pages.
    Scribbles,
    /// Faults, in a region that it has.
    Jumps,
    /// Is gone.
    Dies,
}

impl Manner {
    pub const HOSTILE: [Self; 6] = [
        Self::Accuses,
        Self::Owes,
        Self::Ignores,
        Self::Scribbles,
        Self::Jumps,
        Self::Dies,
    ];
}

/// What it wants of its doorbell next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Offer,
    Confirm,
    ConfirmWrong,
    Cancel,
    Forgive,
}

/// The result of a turn.
pub enum Turn {
    Done,
    /// It touched memory that it does not have, in its region or elsewhere.
    Faulted {
        address: u64,
        fetch: bool,
    },
}

/// A client.
pub struct Client {
    pub index: usize,
    pub manner: Manner,
    pub dead: bool,
    /// The components that the right confirm was written for since this was last asked, one bit each.
    confirmed: u32,
    /// What it uses.
    pub ports: Vec<Port>,
    to_client: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    serial: u64,
    may_update: u32,
    /// What it has rung for last.
    pub wish: Option<Wish>,
}

impl Client {
    /// It wants to make so many requests, all components together.
    pub fn new(world: &World, places: &Places, index: usize, wanted: u64) -> Self {
        let (to_client, to_update) = plan::gate(index);
        let shape: Shape = places.shape;
        let ports = plan::components(plan::uses(shape, index));
        let ports = ports.map(|component| Port::new(world, places, index, component, 0));
        let mut client = Self {
            index,
            manner: Manner::Good,
            dead: false,
            confirmed: 0,
            ports: ports.collect(),
            to_client: world.ram.words(to_client, 4096),
            to_update: world.ram.words(to_update, 4096),
            serial: 0,
            may_update: plan::may_update(shape, index),
            wish: None,
        };
        client.wants(wanted);
        client
    }

    /// It wants to make so many requests more.
    pub fn wants(&mut self, more: u64) {
        let each = more / self.ports.len().max(1) as u64;
        self.ports.iter_mut().for_each(|port| port.wanted += each);
    }

    /// The VMM, if it is one.
    pub fn machine(&self) -> Option<&Machine> {
        self.ports.iter().find_map(Port::machine)
    }

    /// Whether it may update this component.
    pub const fn may_update(&self, component: usize) -> bool {
        self.may_update & 1 << component != 0
    }

    /// Whether the right confirm was written for this component since this was last asked.
    pub const fn take_confirm(&mut self, component: usize) -> bool {
        let confirmed = self.confirmed & 1 << component != 0;
        self.confirmed &= !(1 << component);
        confirmed
    }

    /// Whether it waits for an answer of this component.
    pub fn waits(&self, component: usize) -> bool {
        let mut ports = self.ports.iter();
        ports.any(|port| port.component == component && port.waits())
    }

    /// A change of a gate has become visible.
    pub fn look(&mut self, now: u64) {
        self.ports.iter_mut().for_each(|port| port.look(now));
    }

    /// Does everything there is to do.
    pub fn turn(&mut self, world: &mut World, done: &[u64]) -> Turn {
        self.look(world.now);
        match self.manner {
            Manner::Dies => {
                return Turn::Faulted {
                    address: 0x10,
                    fetch: false,
                };
            }
            Manner::Jumps => {
                let component = self.ports.first().map_or(0, |port| port.component);
                return Turn::Faulted {
                    address: client_queue(component),
                    fetch: true,
                };
            }
            Manner::Scribbles => {
                let word = world.choices.below(512) as usize;
                self.to_update[word].store(world.choices.word(), Ordering::Relaxed);
                world.signal(Actor::Update);
            }
            _ => {}
        }
        for port in &mut self.ports {
            if let faulted @ Turn::Faulted { .. } = port.turn(self.manner, world, done) {
                return faulted;
            }
        }
        // A VMM writes its own.
        if self.manner != Manner::Scribbles && self.machine().is_none() {
            let statistics = Statistics {
                requests: self.ports.iter().map(|port| port.answered).sum(),
                ..Statistics::default()
            };
            statistics.write(self.to_update);
        }
        Turn::Done
    }

    /// It defers updates of a component until then. Returns whether `update` is to be notified.
    pub fn defer(&self, component: usize, until: u64) -> bool {
        Deferrals::new(self.to_client, self.to_update).defer(component, until)
    }

    /// What its doorbell says.
    pub fn answer(&self) -> Answer {
        Answer::read(self.to_client).unwrap_or_default()
    }

    /// Rings, about a component.
    pub fn ring(&mut self, world: &mut World, component: usize, wish: Wish) {
        let answer = self.answer();
        // Whatever else was asked for meanwhile and not seen, a confirm has the handle of the offer that stands.
        let offered = answer.status == Status::Offered;
        let (command, handle) = match wish {
            Wish::Offer => (Command::Offer, 0),
            Wish::Confirm => (Command::Confirm, answer.handle),
            Wish::ConfirmWrong => (Command::Confirm, answer.handle ^ 1),
            Wish::Cancel => (Command::Cancel, answer.handle),
            Wish::Forgive => (Command::Forgive, 0),
        };
        let mut handle = handle;
        self.wish = Some(wish);
        if wish == Wish::Confirm && offered && self.may_update(component) {
            self.confirmed |= 1 << component;
        }
        if world.mutant == Some(Mutant::AnyHandle) && wish == Wish::ConfirmWrong {
            handle ^= 1;
        }
        self.serial += 1;
        let ring = Ring {
            serial: self.serial,
            command,
            component: component as u32,
            length: 0x100,
            handle,
        };
        ring.write(self.to_update);
        world.signal(Actor::Update);
    }
}
