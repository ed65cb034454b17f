// SPDX-License-Identifier: BSD-2-Clause
//! A whole system and its run. The next step is the earliest one that is scheduled; its time is a choice of the seed.

mod part;
mod play;
mod rules;
mod together;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use molt_supervisor::{Access, Fault, Supervisor};
use molt_trace::ring::Writer;

use crate::calls::Calls;
use crate::choices::Choices;
use crate::client::{self, Client, Manner, Port, Wish};
use crate::driver::{self, Driver, Kind};
use crate::machine::{Machine, Seen as GuestSeen};
use crate::mutant::Mutant;
use crate::plan::{self, CLIENTS, Places};
use crate::ram::Ram;
use crate::script::Entry;
use crate::shape::Shape;
use crate::stage::{Bundle, Stage, Staged};
use crate::technique::Technique;
use crate::world::{Actor, Handle, World};
use part::Part;

/// After so long without an end, in us, a transaction has not ended in time: an offer, three turns of `stage`, and swaps. With two
/// components, those of one may begin when those of the other end.
const LIMIT_US: u64 = 130_000_000;
/// How long a ring has to be seen, in us.
const GRACE_US: u64 = 5_000;
/// Turns that hostile clients take by themselves.
const HOSTILE: u64 = 60;
/// Turns of a run at most.
const STEPS: u64 = 200_000;
/// A fault of memory, as a translation and as a permission (Arm ARM, DFSC).
const TRANSLATION: u64 = 0b00_0111;
const PERMISSION: u64 = 0b00_1111;

/// The scheduled steps: by time, and then in the order in which they were added.
type Agenda = BTreeMap<(u64, u64), Step>;

#[derive(Clone, Copy, Debug)]
enum Step {
    Turn(Actor),
    Script(usize),
    Ring(usize, usize, Wish),
}

/// A system that runs.
pub struct System {
    world: Rc<RefCell<World>>,
    supervisor: Supervisor<'static, Handle>,
    clients: Vec<Client>,
    stage: Stage,
    /// What the operator types.
    operator: Writer<'static>,
    /// The components.
    parts: Vec<Part>,
    staged: [Staged; CLIENTS],
    /// Bundles that were offered.
    bundles: u64,
    /// Clients that exchange their bundle between two copies of it.
    exchanges: [bool; CLIENTS],
    places: Places,
    script: Vec<Entry>,
    agenda: Agenda,
    count: u64,
    /// The requests that the devices have done.
    done: Vec<u64>,
    /// Why a component may be out of service.
    excused: bool,
    parked: u64,
    /// Entries of the script that have happened.
    played: usize,
    /// When something happened last.
    rung: u64,
    /// How often fenced clients were let in again, so that their claims count anew.
    forgiven: u8,
    debug: bool,
    /// Turns of hostile clients without a signal.
    hostile: u64,
    /// Both components were about to be denied in one transaction, at the last look.
    together: bool,
    /// The bundle for both that each component had committed at the last look, and the newest that was ever committed; 0: none.
    committed: [u64; 2],
    newest: u64,
    pub steps: u64,
}

impl System {
    /// Ready to run.
    pub fn new(ram: Ram, seed: u64, script: Vec<Entry>, mutant: Option<Mutant>) -> Self {
        let mut calls = Calls::boot(ram);
        let shape = Shape::of(seed);
        let technique = shape.technique;
        let places = plan::set_up(&mut calls, shape);
        let brief = plan::brief(&places, mutant == Some(Mutant::AnyClient));
        let choices = Choices::new(seed ^ 0x5eed);
        let mut world = World::new(calls, ram, choices, mutant, shape);
        let wanted = |world: &mut World| 8 + world.choices.below(24);
        let wanted: Vec<u64> = (0..CLIENTS).map(|_| wanted(&mut world)).collect();
        let clients = wanted.iter().enumerate();
        let clients = clients.map(|(n, wanted)| Client::new(&world, &places, n, *wanted));
        let (mut clients, stage): (Vec<_>, _) = (clients.collect(), Stage::new(&world));
        if technique != Technique::Hold {
            let machine = Machine::new(&mut world, &places, technique);
            clients[plan::GUEST].ports[0].set_machine(machine);
            // Nobody tells it that it may start.
            world.signal(Actor::Client(plan::GUEST));
        }
        let operator = Writer::new(world.ram.words(plan::OPERATOR, 4096));
        let world = Rc::new(RefCell::new(world));
        let supervisor = Supervisor::new(Handle(world.clone()), brief).expect("the plan fits");
        let mut system = Self {
            world,
            supervisor,
            clients,
            stage,
            operator,
            parts: (0..shape.components).map(|_| Part::default()).collect(),
            staged: [Staged::Bundle(Bundle::FACTORY); CLIENTS],
            bundles: 0,
            exchanges: [false; CLIENTS],
            places,
            script,
            agenda: Agenda::new(),
            count: 0,
            done: Vec::new(),
            excused: false,
            parked: 0,
            played: 0,
            rung: 0,
            forgiven: 0,
            debug: std::env::var_os("MOLT_DEBUG").is_some(),
            hostile: 0,
            together: false,
            committed: [0; 2],
            newest: 0,
            steps: 0,
        };
        for n in 0..system.script.len() {
            let at = system.script[n].0;
            system.put_off(at, Step::Script(n));
        }
        system
    }

    /// Runs to its end. Returns the rule that was broken, if one was.
    pub fn run(&mut self) -> Option<&'static str> {
        self.supervisor.start();
        let last = self.script.last().map_or(0, |(at, _)| *at);
        loop {
            if self.debug {
                let phases = self.supervisor.units().iter().map(|u| u.machine().phase());
                eprintln!(
                    "{} steps {} phases {:?} agenda {:?} alarm {:?}",
                    self.world.borrow().now,
                    self.steps,
                    phases.collect::<Vec<_>>(),
                    self.agenda,
                    self.world.borrow().alarm
                );
            }
            if let Some(rule) = self.look() {
                return Some(rule);
            }
            if self.steps > STEPS {
                return Some(self.late());
            }
            self.gather();
            for client in &mut self.clients {
                client.look(self.world.borrow().now);
            }
            let now = self.world.borrow().now;
            if self.played == self.script.len() && self.settled() {
                return self.end();
            }
            if now > last + LIMIT_US * self.parts.len() as u64 {
                return Some(self.late());
            }
            let alarm = self.world.borrow().alarm;
            let next = self.agenda.first_key_value().map(|(key, _)| key.0);
            let Some(at) = [alarm, next].into_iter().flatten().min() else {
                // Nobody has anything to do any more.
                self.world.borrow_mut().now += GRACE_US;
                return if self.settled() {
                    self.end()
                } else {
                    Some(self.late())
                };
            };
            let mut world = self.world.borrow_mut();
            world.now = world.now.max(at);
            if alarm == Some(at) {
                world.alarm = None;
                drop(world);
                self.turn(Actor::Update);
                continue;
            }
            drop(world);
            let Some((_, step)) = self.agenda.pop_first() else {
                continue;
            };
            match step {
                Step::Turn(actor) => self.turn(actor),
                Step::Ring(client, component, wish) => {
                    self.rung = self.world.borrow().now;
                    self.clients[client].ring(&mut self.world.borrow_mut(), component, wish);
                }
                Step::Script(n) => self.play(n),
            }
        }
    }

    fn put_off(&mut self, at: u64, step: Step) {
        self.count += 1;
        self.agenda.insert((at, self.count), step);
    }

    /// Schedules a turn for everything that was signalled.
    fn gather(&mut self) {
        let mut world = self.world.borrow_mut();
        let signalled = std::mem::take(&mut world.signalled);
        let now = world.now;
        let mut later = Vec::new();
        for actor in signalled {
            let delay = match actor {
                Actor::Update => 1,
                _ => world.choices.delay(),
            };
            // It cannot be ready in time, and is not to blame.
            if let Actor::Driver(n) = actor {
                let starts = world.started[n].is_some();
                self.parts[n].starved += u8::from(starts && delay >= plan::READY_US);
            }
            later.push((now + delay, actor));
        }
        later.append(&mut world.timers);
        drop(world);
        for (at, actor) in later {
            self.put_off(at, Step::Turn(actor));
        }
    }

    fn turn(&mut self, actor: Actor) {
        self.steps += 1;
        match actor {
            Actor::Update => self.update(),
            Actor::Stage => {
                if self.world.borrow().mutant == Some(Mutant::FirstKeys) {
                    let told = self.world.borrow().ram.word(plan::COMMANDS + 7 * 8);
                    told.store(0, Ordering::Relaxed);
                }
                let copied = self.stage.turn(&mut self.world.borrow_mut(), &self.staged);
                if let Some((component, client)) = copied {
                    self.copied(component, client);
                }
            }
            Actor::Driver(component) => self.drive(component),
            Actor::Client(n) => self.serve(n),
        }
    }

    /// `stage` has copied what a client offers, for a component.
    fn copied(&mut self, component: usize, client: usize) {
        if let Staged::Bundle(bundle) = &mut self.staged[client]
            && bundle.is_joined()
            && std::mem::take(&mut self.exchanges[client])
        {
            self.bundles += 1;
            bundle.number = self.bundles;
        }
        let client = &mut self.clients[client];
        let unit = self.supervisor.units().get(component);
        // A bundle for several components was confirmed once, for the one that it was offered for.
        let right = match unit.is_some_and(|unit| unit.offer().follows) {
            true => client.may_update(component),
            false => client.take_confirm(component),
        };
        if !right && client.manner != Manner::Scribbles {
            self.world.borrow_mut().broken = Some("copied without the right confirm");
        }
    }

    fn update(&mut self) {
        let mutant = self.world.borrow().mutant;
        if mutant == Some(Mutant::AnyEpoch) {
            let ports = self.clients.iter().flat_map(|client| &client.ports);
            ports.for_each(Port::acknowledge_early);
        }
        if mutant == Some(Mutant::AlwaysAlive) {
            let parts = 0..self.parts.len();
            for (orders, report) in parts.flat_map(|n| self.places.of(n).control) {
                let orders = self.world.borrow().ram.word(orders + 24);
                let report = self.world.borrow().ram.word(report + 16);
                report.store(orders.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        self.supervisor.turn();
        if mutant == Some(Mutant::GivesBackTwice) && self.steps > 40 {
            self.supervisor.mutant_gives_back();
        }
    }

    fn drive(&mut self, component: usize) {
        let mut world = self.world.borrow_mut();
        let part = &mut self.parts[component];
        if let Some(arena) = world.started[component].take() {
            let bundle = self.stage.built[component][arena];
            let kind = bundle.and_then(|bundle| bundle.kinds[component]);
            let kind = kind.unwrap_or(Kind::NeverReady);
            let driver = Driver::new(&mut world, &self.places, component, arena, kind);
            part.driver = Some(driver);
        }
        let Some(driver) = &mut part.driver else {
            return;
        };
        if driver.crashed || !world.calls.runs(plan::tcb(component, driver.arena)) {
            return;
        }
        part.spoilt |= driver.kind == Kind::Scribbles;
        let turn = driver.turn(&mut world, &mut self.done);
        if driver.busy() {
            world.signal(Actor::Driver(component));
        }
        world.signal(Actor::Update);
        drop(world);
        if let driver::Turn::Faulted(address) = turn {
            let child = plan::DRIVER_CHILD + component as u32;
            self.fault(child, address, false, TRANSLATION);
        }
    }

    fn serve(&mut self, n: usize) {
        let mut world = self.world.borrow_mut();
        if world.blocked[n].is_some() || self.clients[n].dead {
            return;
        }
        let turn = self.clients[n].turn(&mut world, &self.done);
        let hostile = self.clients[n].manner != Manner::Good;
        self.hostile += u64::from(hostile);
        if hostile && self.hostile < HOSTILE {
            world.signal(Actor::Client(n));
        }
        drop(world);
        if let client::Turn::Faulted { address, fetch } = turn {
            self.world.borrow_mut().blocked[n] = Some(address);
            let syndrome = if fetch { PERMISSION } else { TRANSLATION };
            let child = plan::CLIENT_CHILD + n as u32;
            let again = self.fault(child, address, fetch, syndrome);
            if again {
                let mut world = self.world.borrow_mut();
                world.blocked[n] = None;
                world.signal(Actor::Client(n));
            } else if plan::queue_at(address).is_none() || fetch {
                self.clients[n].dead = true;
            } else if !hostile {
                self.parked += 1;
                let touched = plan::queue_at(address);
                let mut ports = self.clients[n].ports.iter();
                if !ports.any(|port| Some(port.component) == touched && port.late) {
                    self.world.borrow_mut().broken = Some("parked without having been late");
                }
            }
        }
    }

    fn fault(&mut self, child: u32, address: u64, fetch: bool, syndrome: u64) -> bool {
        let fault = Fault {
            label: 6,
            ip: 0x1000,
            access: Some(Access {
                address,
                fetch,
                syndrome,
            }),
        };
        self.supervisor.faulted(child, fault)
    }

    /// What the guest of a run with a technique has seen.
    pub fn guest(&self) -> GuestSeen {
        let machine = self.clients[plan::GUEST].machine();
        machine.map(|machine| machine.seen).unwrap_or_default()
    }

    /// The lines of the trace, as on the target.
    pub fn lines(&mut self) -> Vec<String> {
        // What is noted and not printed yet is printed when it is old enough.
        self.world.borrow_mut().now += 60_000;
        self.supervisor.turn();
        let words = self.world.borrow().ram.words(plan::LOG, plan::LOG_SIZE);
        let mut reader = molt_trace::ring::Reader::new(words);
        let mut text = Vec::new();
        while let Some(byte) = reader.next_byte() {
            text.push(byte);
        }
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::to_owned).collect()
    }
}
