// SPDX-License-Identifier: BSD-2-Clause
//! A client: its gate, its queue and private record, its doorbell, and the kind of its hostility, if any.

mod vmm;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use molt_block_queue::{Client as Queue, Op, Request, Status as Answered};
use molt_doorbell::{Answer, Command, Request as Ring, Status};
use molt_gate::{Account, Change, ClientGate, Deferrals, Statistics};

use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::plan::{self, CLIENT_QUEUE, Places, slot, vault};
use crate::world::{Actor, World};
use vmm::Vmm;

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
    /// The right confirm was written since it was last asked about.
    pub confirmed: bool,
    /// Requests that it is owed, by serial number: what it asked for.
    pub waiting: BTreeMap<u64, u64>,
    pub answered: u64,
    /// Requests that it still wants to make.
    pub wanted: u64,
    pub broken: Option<&'static str>,
    /// When its gate was closed, in us, until it has acknowledged that.
    seen: Option<u64>,
    /// It was late with an acknowledgement.
    pub late: bool,
    gate: ClientGate<'static>,
    queue: Box<Queue<'static>>,
    to_client: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    serial: u64,
    statistics: Statistics,
    account: Account,
    /// Violations that `update` was told of.
    accused: u64,
    next: u64,
    twice: Vec<u64>,
    /// Bytes of its region.
    size: u64,
    /// It is a VMM, with a guest that makes the requests.
    vmm: Option<Box<Vmm>>,
}

impl Client {
    pub fn new(world: &World, places: &Places, index: usize, wanted: u64) -> Self {
        let (to_client, to_update) = plan::gate(index);
        let to_client = world.ram.words(to_client, 4096);
        let to_update = world.ram.words(to_update, 4096);
        let size = places.size(index);
        Self {
            index,
            manner: Manner::Good,
            dead: false,
            confirmed: false,
            waiting: BTreeMap::new(),
            answered: 0,
            wanted,
            broken: None,
            seen: None,
            late: false,
            gate: ClientGate::new(to_client, to_update, 0),
            queue: Box::new(Queue::new(world.ram.words(places.queues[index], size))),
            to_client,
            to_update,
            serial: 0,
            statistics: Statistics::default(),
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

    fn touches(&self, world: &World) -> bool {
        let vspace = vault(slot::CLIENT_VSPACES + self.index as u32);
        let pages = (0..self.size / 4096).map(|page| CLIENT_QUEUE + 4096 * page);
        world.calls.writes_all(vspace, pages)
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
                return Turn::Faulted {
                    address: CLIENT_QUEUE,
                    fetch: true,
                };
            }
            Manner::Accuses => self.account.violations += 1,
            Manner::Scribbles => {
                let word = world.choices.below(512) as usize;
                self.to_update[word].store(world.choices.word(), Ordering::Relaxed);
                world.signal(Actor::Update);
            }
            _ => {}
        }
        if let Some(mut vmm) = self.vmm.take() {
            let turn = self.turn_of_vmm(&mut vmm, world);
            self.vmm = Some(vmm);
            return turn;
        }
        let touching = self.queue.is_open();
        if touching && !self.touches(world) {
            return Turn::Faulted {
                address: CLIENT_QUEUE,
                fetch: false,
            };
        }
        self.complete(done);
        if self.manner != Manner::Ignores {
            while let Some(change) = self.gate.change() {
                match change {
                    Change::Close(_) => self.queue.close(),
                    Change::OutOfService(_) => self.queue.fail(),
                    Change::Open(_, generation) => {
                        if !self.touches(world) {
                            return Turn::Faulted {
                                address: CLIENT_QUEUE,
                                fetch: false,
                            };
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
        self.statistics.requests = self.answered;
        self.account.owed = match self.manner {
            Manner::Owes => 5,
            _ => self.queue.owed() as u16,
        };
        if self.manner != Manner::Scribbles {
            self.statistics.write(self.to_update);
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
        if world.mutant == Some(Mutant::ReplaysTwice) && generation > 0 {
            self.twice.extend(self.waiting.values().copied());
        }
        world.signal(Actor::Driver);
    }

    /// A mutant's: the region begins anew without what is owed. A queue is large: only here it takes room on the stack.
    #[inline(never)]
    fn forget(&mut self, world: &World) {
        *self.queue = Queue::new(world.ram.words(0, 0));
        *self.queue = Queue::new(world.ram.words(self.place(world), self.size));
    }

    fn place(&self, world: &World) -> u64 {
        let vspace = vault(slot::CLIENT_VSPACES + self.index as u32);
        world
            .calls
            .reached(vspace, CLIENT_QUEUE)
            .map_or(0, |r| r.paddr)
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
            let name = (self.index as u64) << 32 | self.next;
            let Ok(token) = self.queue.submit(&request(name)) else {
                break;
            };
            self.next += 1;
            self.wanted -= 1;
            self.waiting.insert(token.serial(), name);
            some = true;
        }
        if some {
            world.signal(Actor::Driver);
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

    /// It defers updates until then. Returns whether `update` is to be notified.
    pub fn defer(&self, until: u64) -> bool {
        Deferrals::new(self.to_client, self.to_update).defer(0, until)
    }

    /// What its doorbell says.
    pub fn answer(&self) -> Answer {
        Answer::read(self.to_client).unwrap_or_default()
    }

    /// Rings.
    pub fn ring(&mut self, world: &mut World, wish: Wish) {
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
        if wish == Wish::Confirm && offered && self.index < plan::UPDATERS {
            self.confirmed = true;
        }
        if world.mutant == Some(Mutant::AnyHandle) && wish == Wish::ConfirmWrong {
            handle ^= 1;
        }
        self.serial += 1;
        let ring = Ring {
            serial: self.serial,
            command,
            component: 0,
            length: 0x100,
            handle,
        };
        ring.write(self.to_update);
        world.signal(Actor::Update);
    }

    /// An acknowledgement of an earlier epoch, as if it were of the newest.
    pub fn acknowledge_early(&self) {
        if self.seen.is_some() {
            let newest = self.to_client[0].load(Ordering::Relaxed);
            self.to_update[0].store(newest, Ordering::Relaxed);
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
