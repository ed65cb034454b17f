// SPDX-License-Identifier: BSD-2-Clause
//! A client's use of one component: its gate, its queue and private record. It is a plain user of the queue, or a VMM.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use molt_block_queue::{Client as Queue, Op, Request, Status as Answered};
use molt_gate::{Account, Change, ClientGate};

use super::vmm::Vmm;
use super::{Manner, Turn};
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::plan::{self, Places, client_queue};
use crate::world::{Actor, World};

/// The use of a component.
pub struct Port {
    client: usize,
    pub component: usize,
    /// Requests that it is owed, by serial number: what it asked for.
    waiting: BTreeMap<u64, u64>,
    pub answered: u64,
    /// Requests that it still wants to make.
    pub wanted: u64,
    broken: Option<&'static str>,
    /// When its gate was closed, in us, until it has acknowledged that.
    seen: Option<u64>,
    /// It was late with an acknowledgement.
    pub late: bool,
    pub(super) gate: ClientGate<'static>,
    queue: Box<Queue<'static>>,
    to_client: &'static [AtomicU64],
    pub(super) to_update: &'static [AtomicU64],
    pub(super) account: Account,
    /// Violations that `update` was told of.
    accused: u64,
    next: u64,
    twice: Vec<u64>,
    /// Bytes of its region.
    size: u64,
    /// It is a VMM, with a guest that makes the requests.
    vmm: Option<Box<Vmm>>,
}

impl Port {
    pub fn new(
        world: &World,
        places: &Places,
        client: usize,
        component: usize,
        wanted: u64,
    ) -> Self {
        let (to_client, to_update) = plan::gate(client);
        let to_client = world.ram.words(to_client, 4096);
        let to_update = world.ram.words(to_update, 4096);
        let place = places.of(component);
        let size = place.size(client);
        Self {
            client,
            component,
            waiting: BTreeMap::new(),
            answered: 0,
            wanted,
            broken: None,
            seen: None,
            late: false,
            gate: ClientGate::new(to_client, to_update, component),
            queue: Box::new(Queue::new(world.ram.words(place.queues[client], size))),
            to_client,
            to_update,
            account: Account::default(),
            accused: 0,
            next: 0,
            twice: Vec::new(),
            size,
            vmm: None,
        }
    }

    /// It is a VMM.
    pub fn set_machine(&mut self, machine: Machine) {
        self.vmm = Some(Box::new(Vmm::new(machine)));
    }

    /// The VMM, if it is one.
    pub fn machine(&self) -> Option<&Machine> {
        self.vmm.as_ref().map(|vmm| &vmm.machine)
    }

    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        match self.machine() {
            Some(machine) => machine.waits(),
            None => !self.waiting.is_empty(),
        }
    }

    /// The rule that it has found to be broken. `spoilt`: something was done that its data need not survive.
    pub fn broken(&self, spoilt: bool) -> Option<&'static str> {
        let machine = self.machine();
        let wrong = machine.and_then(|machine| machine.wrong);
        let broken = self.broken.or(machine.and_then(|machine| machine.broken));
        wrong.or(broken.filter(|_| !spoilt))
    }

    pub(super) fn touches(&self, world: &World) -> bool {
        let first = client_queue(self.component);
        let pages = (0..self.size / 4096).map(|page| first + 4096 * page);
        let vspace = plan::client_vspace(self.client);
        world.calls.writes_all(vspace, pages)
    }

    /// It touches its region, which it does not have.
    pub(super) const fn faults(&self) -> Turn {
        Turn::Faulted {
            address: client_queue(self.component),
            fetch: false,
        }
    }

    /// A change of the gate has become visible.
    pub fn look(&mut self, now: u64) {
        let closing = matches!(self.gate.change(), Some(Change::Close(_)));
        if let Some(since) = self.seen {
            self.late |= now.saturating_sub(since) >= plan::QUIESCE_US;
        }
        if !closing {
            self.seen = None;
        } else if self.seen.is_none() {
            self.seen = Some(now);
        }
    }

    /// Does everything there is to do.
    pub fn turn(&mut self, manner: Manner, world: &mut World, done: &[u64]) -> Turn {
        if manner == Manner::Accuses {
            self.account.violations += 1;
        }
        if let Some(mut vmm) = self.vmm.take() {
            let turn = self.turn_of_vmm(&mut vmm, manner, world);
            self.vmm = Some(vmm);
            return turn;
        }
        let touching = self.queue.is_open();
        if touching && !self.touches(world) {
            return self.faults();
        }
        self.complete(done);
        if manner != Manner::Ignores {
            while let Some(change) = self.gate.change() {
                match change {
                    Change::Close(_) => self.queue.close(),
                    Change::OutOfService(_) => self.queue.fail(),
                    Change::Open(_, generation) => {
                        if !self.touches(world) {
                            return self.faults();
                        }
                        self.open(world, generation);
                    }
                }
                self.gate.acknowledge(change);
                world.signal(Actor::Update);
            }
        }
        if self.gate.is_open() || self.queue.has_failed() {
            self.submit(world);
            self.complete(done);
        }
        self.account.owed = match manner {
            Manner::Owes => 5,
            _ => self.queue.owed() as u16,
        };
        if manner != Manner::Scribbles {
            self.gate.account(self.account);
            if self.accused != self.account.violations {
                self.accused = self.account.violations;
                world.signal(Actor::Update);
            }
        }
        self.look(world.now);
        Turn::Done
    }

    fn open(&mut self, world: &mut World, generation: u64) {
        if world.mutant == Some(Mutant::NoReplay) && generation > 0 {
            self.forget(world);
        }
        self.queue.resume(generation);
        if world.shape.is_pair() {
            // Both generations have something to do in their probation.
            self.wanted += world.choices.below(4);
        }
        if world.mutant == Some(Mutant::ReplaysTwice) && generation > 0 {
            self.twice.extend(self.waiting.values().copied());
        }
        world.signal(Actor::Driver(self.component));
    }

    /// A mutant's: the region begins anew without what is owed. A queue is large: only here it takes room on the stack.
    #[inline(never)]
    fn forget(&mut self, world: &World) {
        *self.queue = Queue::new(world.ram.words(0, 0));
        *self.queue = Queue::new(world.ram.words(self.place(world), self.size));
    }

    fn place(&self, world: &World) -> u64 {
        let vspace = plan::client_vspace(self.client);
        let reached = world.calls.reached(vspace, client_queue(self.component));
        reached.map_or(0, |r| r.paddr)
    }

    fn submit(&mut self, world: &mut World) {
        let mut some = false;
        while let Some(again) = self.twice.pop() {
            if let Ok(token) = self.queue.submit(&request(again)) {
                self.waiting.insert(token.serial(), again);
                some = true;
            }
        }
        while self.wanted > 0 && self.queue.owed() < 6 && world.choices.below(4) != 0 {
            let name = (self.component as u64) << 48 | (self.client as u64) << 32 | self.next;
            let Ok(token) = self.queue.submit(&request(name)) else {
                break;
            };
            self.next += 1;
            self.wanted -= 1;
            self.waiting.insert(token.serial(), name);
            some = true;
        }
        if some {
            world.signal(Actor::Driver(self.component));
        }
    }

    /// Takes completions. Checks that each is for a request that is owed, once, and that the device has done it.
    fn complete(&mut self, done: &[u64]) {
        while let Some(completion) = self.queue.poll() {
            let Ok((token, status)) = completion else {
                self.account.violations += 1;
                return;
            };
            let Some(name) = self.waiting.remove(&token.serial()) else {
                self.broken = Some("a request is completed twice");
                return;
            };
            if self.twice.contains(&name) || self.waiting.values().any(|other| *other == name) {
                self.broken = Some("a request is completed twice");
            }
            if status == Answered::Ok && !done.contains(&name) {
                self.broken = Some("told what was not done");
            }
            self.answered += 1;
        }
    }

    /// An acknowledgement of an earlier epoch, as if it were of the newest.
    pub fn acknowledge_early(&self) {
        use std::sync::atomic::Ordering;
        if self.seen.is_some() {
            let newest = self.to_client[self.component].load(Ordering::Relaxed);
            self.to_update[self.component].store(newest, Ordering::Relaxed);
        }
    }
}

fn request(name: u64) -> Request {
    // A request without data, that carries its name in its sector.
    Request {
        op: Op::Discard,
        sector: name,
        sectors: 1,
        segments: Default::default(),
    }
}
