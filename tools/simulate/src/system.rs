// SPDX-License-Identifier: BSD-2-Clause
//! A whole system and its run. The next step is the earliest one that is scheduled; its time is a choice of the seed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use molt_doorbell::{Reason, Status};
use molt_supervisor::{Access, Fault, Standing, Supervisor};
use molt_trace::ring::Writer;
use molt_update::Phase;

use crate::calls::Calls;
use crate::check::{check, check_end};
use crate::choices::Choices;
use crate::client::{self, Client, Manner, Wish};
use crate::driver::{self, Driver, Kind};
use crate::machine::{Machine, Seen as GuestSeen};
use crate::mutant::Mutant;
use crate::plan::{self, CLIENTS, Places};
use crate::ram::Ram;
use crate::script::{Entry, What};
use crate::stage::{Bundle, Stage, Staged};
use crate::technique::Technique;
use crate::world::{Actor, Handle, World};

/// After so long without an end, in us, a transaction has not ended in time: an offer, three turns of `stage`, and swaps.
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
    Ring(usize, Wish),
}

/// Everything that the rules' answer depends on: while it is the same, so is the answer.
#[derive(Clone, Copy, PartialEq)]
struct Seen {
    /// Invocations of the kernel so far.
    calls: u64,
    phase: Phase,
    holder: Option<u64>,
    /// Where the books have the holder: its TCB.
    place: Option<u32>,
    /// Slots in use, as the books have it.
    books: u32,
}

/// A system that runs.
pub struct System {
    world: Rc<RefCell<World>>,
    supervisor: Supervisor<'static, Handle>,
    clients: Vec<Client>,
    stage: Stage,
    /// What the operator types.
    operator: Writer<'static>,
    driver: Option<Driver>,
    staged: [Staged; CLIENTS],
    places: Places,
    script: Vec<Entry>,
    agenda: Agenda,
    count: u64,
    /// The requests that the device has done.
    done: Vec<u64>,
    /// Something was done that the requests of honest clients need not survive.
    spoilt: bool,
    /// Why a component may be out of service.
    excused: bool,
    parked: u64,
    /// What the rules were checked on last.
    looked: Option<Seen>,
    /// Entries of the script that have happened.
    played: usize,
    /// When something happened last.
    rung: u64,
    /// Since when an update waits for clients that defer it.
    deferred: Option<u64>,
    /// How often the generation that runs was made to crash or hang.
    crashes: u8,
    /// How often fenced clients were let in again, so that their claims count anew.
    forgiven: u8,
    /// Generations that did not run before they had to be ready.
    starved: u8,
    debug: bool,
    /// The generation that was committed last.
    committed: Option<u64>,
    /// The list of keys that was in force at the last look.
    keys: u64,
    /// Turns of hostile clients without a signal.
    hostile: u64,
    pub steps: u64,
}

impl System {
    /// Ready to run.
    pub fn new(ram: Ram, seed: u64, script: Vec<Entry>, mutant: Option<Mutant>) -> Self {
        let mut calls = Calls::boot(ram);
        let technique = Technique::of(seed);
        let places = plan::set_up(&mut calls, technique);
        // Every second seed is that of a device with firmware.
        let firmware = seed & 1 == 1;
        let brief = plan::brief(&places, mutant == Some(Mutant::AnyClient), firmware);
        let choices = Choices::new(seed ^ 0x5eed);
        let mut world = World::new(calls, ram, choices, mutant, firmware);
        let wanted = |world: &mut World| 8 + world.choices.below(24);
        let wanted: Vec<u64> = (0..CLIENTS).map(|_| wanted(&mut world)).collect();
        let clients = wanted.iter().enumerate();
        let clients = clients.map(|(n, wanted)| Client::new(&world, &places, n, *wanted));
        let (mut clients, stage): (Vec<_>, _) = (clients.collect(), Stage::new(&world));
        if technique != Technique::Hold {
            let machine = Machine::new(&mut world, &places, technique);
            clients[plan::GUEST].set_machine(machine);
            // Nobody tells it that it may start.
            world.signal(Actor::Client(plan::GUEST));
        }
        let operator = Writer::new(world.ram.words(plan::OPERATOR, 4096));
        let world = Rc::new(RefCell::new(world));
        let supervisor = Supervisor::new(Handle(world.clone()), brief).expect("the plan fits");
        let good = Bundle {
            kind: Kind::Good,
            sequence: 1,
            key: 0,
        };
        let mut system = Self {
            world,
            supervisor,
            clients,
            stage,
            operator,
            driver: None,
            staged: [Staged::Bundle(good); CLIENTS],
            places,
            script,
            agenda: Agenda::new(),
            count: 0,
            done: Vec::new(),
            spoilt: false,
            excused: false,
            parked: 0,
            looked: None,
            played: 0,
            rung: 0,
            deferred: None,
            crashes: 0,
            forgiven: 0,
            starved: 0,
            debug: std::env::var_os("MOLT_DEBUG").is_some(),
            committed: None,
            keys: 0,
            hostile: 0,
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
                eprintln!(
                    "{} steps {} phase {:?} agenda {:?} alarm {:?}",
                    self.world.borrow().now,
                    self.steps,
                    self.supervisor.units()[0].machine().phase(),
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
            if now > last + LIMIT_US {
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
                Step::Ring(client, wish) => {
                    self.rung = self.world.borrow().now;
                    self.clients[client].ring(&mut self.world.borrow_mut(), wish);
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
            let starts = actor == Actor::Driver && world.started.is_some();
            self.starved += u8::from(starts && delay >= plan::READY_US);
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
                if let Some(client) = copied
                    && !std::mem::take(&mut self.clients[client].confirmed)
                    && self.clients[client].manner != Manner::Scribbles
                {
                    self.world.borrow_mut().broken = Some("copied without the right confirm");
                }
            }
            Actor::Driver => self.drive(),
            Actor::Client(n) => self.serve(n),
        }
    }

    fn update(&mut self) {
        let mutant = self.world.borrow().mutant;
        if mutant == Some(Mutant::AnyEpoch) {
            self.clients.iter().for_each(Client::acknowledge_early);
        }
        if mutant == Some(Mutant::AlwaysAlive) {
            for (orders, report) in self.places.control {
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

    fn drive(&mut self) {
        let mut world = self.world.borrow_mut();
        if let Some(arena) = world.started.take() {
            let kind = self.stage.built[arena].map_or(Kind::NeverReady, |b| b.kind);
            self.driver = Some(Driver::new(&mut world, &self.places, arena, kind));
        }
        let Some(driver) = &mut self.driver else {
            return;
        };
        let tcb = plan::vault(plan::slot::FREE + 32 * driver.arena as u32);
        if driver.crashed || !world.calls.runs(tcb) {
            return;
        }
        self.spoilt |= driver.kind == Kind::Scribbles;
        let turn = driver.turn(&mut world, &mut self.done);
        if driver.busy() {
            world.signal(Actor::Driver);
        }
        world.signal(Actor::Update);
        drop(world);
        if let driver::Turn::Faulted(address) = turn {
            self.fault(plan::DRIVER_CHILD, address, false, TRANSLATION);
        }
    }

    fn serve(&mut self, n: usize) {
        let mut world = self.world.borrow_mut();
        if world.blocked[n] || self.clients[n].dead {
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
            self.world.borrow_mut().blocked[n] = true;
            let syndrome = if fetch { PERMISSION } else { TRANSLATION };
            let child = plan::CLIENT_CHILD + n as u32;
            let again = self.fault(child, address, fetch, syndrome);
            if again {
                let mut world = self.world.borrow_mut();
                world.blocked[n] = false;
                world.signal(Actor::Client(n));
            } else if address != plan::CLIENT_QUEUE || fetch {
                self.clients[n].dead = true;
            } else if !hostile {
                self.parked += 1;
                if !self.clients[n].late {
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

    fn play(&mut self, n: usize) {
        self.played += 1;
        self.rung = self.world.borrow().now;
        let mut world = self.world.borrow_mut();
        match self.script[n].1 {
            What::Offer {
                client,
                kind,
                ahead,
                then,
            } => {
                let unit = self.supervisor.units().first();
                let committed = unit.map_or(0, |u| u.machine().committed().sequence);
                let bundle = Bundle {
                    kind,
                    sequence: committed + ahead,
                    key: self.keys,
                };
                drop(world);
                self.offer(client, Staged::Bundle(bundle), then);
            }
            What::Keys {
                client,
                ahead,
                then,
            } => {
                let list = self.keys + ahead;
                drop(world);
                self.offer(client, Staged::Keys(list), then);
            }
            What::OldKey { client } => {
                let unit = self.supervisor.units().first();
                let committed = unit.map_or(0, |u| u.machine().committed().sequence);
                let bundle = Bundle {
                    kind: Kind::Good,
                    sequence: committed + 1,
                    key: self.keys.saturating_sub(1),
                };
                drop(world);
                self.offer(client, Staged::Bundle(bundle), Some(Wish::Confirm));
            }
            What::Ring { client, wish } => {
                self.forgiven += u8::from(wish == Wish::Forgive);
                self.clients[client].ring(&mut world, wish);
            }
            What::Types(line) => {
                // A component that comes back begins its count anew.
                self.crashes = if line.starts_with("restore") {
                    0
                } else {
                    self.crashes
                };
                self.forgiven += u8::from(line.starts_with("readmit"));
                self.operator.line(line);
                world.signal(Actor::Update);
            }
            What::Defers { client, us } => {
                let until = if us == 0 { 0 } else { world.now + us };
                if self.clients[client].defer(until) {
                    world.signal(Actor::Update);
                }
            }
            What::Hostile { client, manner } => {
                self.clients[client].manner = manner;
                world.signal(Actor::Client(client));
            }
            What::Crash => {
                self.crashes += 1;
                if let Some(driver) = &mut self.driver {
                    driver.crashed = true;
                    let tcb = plan::vault(plan::slot::FREE + 32 * driver.arena as u32);
                    let runs = world.calls.runs(tcb);
                    drop(world);
                    if runs {
                        self.fault(plan::DRIVER_CHILD, 0x20, false, TRANSLATION);
                    }
                }
            }
            What::Hang => {
                self.crashes += 1;
                if let Some(driver) = &mut self.driver {
                    driver.crashed = true;
                }
            }
            What::Stage(flaw) => {
                self.stage.flaw = Some(flaw);
                self.excused |= flaw != crate::stage::Flaw::Twice;
            }
            What::Stops(takes) => {
                world.device.takes = takes;
                self.excused |= takes.is_none();
            }
            What::CallFails(after) => {
                world.fails_in = Some(after);
                self.excused = true;
            }
            What::ReportSpoilt { word, value } => {
                let arena = self.driver.as_ref().map_or(0, |driver| driver.arena);
                let at = self.places.control[arena].1 + 8 * word;
                world.ram.word(at).store(value, Ordering::Relaxed);
                self.spoilt = true;
            }
        }
    }

    /// A client offers something, and rings again a little later.
    fn offer(&mut self, client: usize, what: Staged, then: Option<Wish>) {
        let mut world = self.world.borrow_mut();
        self.staged[client] = what;
        self.clients[client].wanted += 8;
        self.clients[client].ring(&mut world, Wish::Offer);
        for client in 0..CLIENTS {
            world.signal(Actor::Client(client));
        }
        let at = world.now + 100 + world.choices.below(2_000);
        drop(world);
        if let Some(then) = then {
            self.put_off(at, Step::Ring(client, then));
        }
    }

    /// What must hold after each step.
    fn look(&mut self) -> Option<&'static str> {
        let world = self.world.borrow();
        if let Some(rule) = world.broken {
            return Some(rule);
        }
        if let Some(rule) = self.clients.iter().find_map(|client| {
            let honest = client.manner == Manner::Good;
            client.broken(self.spoilt).filter(|_| honest)
        }) {
            return Some(rule);
        }
        let honest = self.clients[plan::GUEST].manner == Manner::Good && !self.spoilt;
        if let Some(share) = &world.share
            && honest
            && share.broken.is_some()
        {
            return share.broken;
        }
        let unit = self.supervisor.units().first()?;
        let holder = unit.machine().holder();
        let seen = Seen {
            calls: world.calls.made,
            phase: unit.machine().phase(),
            holder,
            place: unit.holder().place().map(|place| place.tcb.0),
            books: self.supervisor.books().in_use(),
        };
        if unit.offer().status == Status::Committed && holder != self.committed {
            self.committed = holder;
            let failed = self.driver.as_ref().map_or(0, |driver| driver.failed);
            if failed > 1 && !self.spoilt {
                return Some("committed what answers with errors");
            }
            let arena = self.driver.as_ref().map_or(0, |driver| driver.arena);
            let key = self.stage.built[arena].map(|bundle| bundle.key);
            if !self.excused && key.is_some_and(|key| key != unit.machine().keys()) {
                return Some("committed what a revoked key signed");
            }
        }
        if unit.machine().phase() == Phase::Deferred {
            let since = *self.deferred.get_or_insert(world.now);
            // It may be looked at late.
            let longest = plan::DEFER_US.iter().max().copied().unwrap_or(0) + GRACE_US;
            if world.now > since + longest {
                return Some("an update waits for longer than it may");
            }
        } else {
            self.deferred = None;
        }
        let keys = unit.machine().keys();
        if std::mem::replace(&mut self.keys, keys) > keys {
            return Some("an older list of keys is in force");
        }
        let before = self.looked.replace(seen);
        if before == Some(seen) {
            return None;
        }
        let anew =
            before.is_none_or(|before| (before.holder, before.books) != (holder, seen.books));
        check(&self.supervisor, &world, &self.places, anew)
    }

    /// Whether nothing is under way.
    fn settled(&self) -> bool {
        let Some(unit) = self.supervisor.units().first() else {
            return true;
        };
        if !self.agenda.is_empty() || self.world.borrow().now < self.rung + GRACE_US {
            return false;
        }
        match unit.machine().phase() {
            Phase::OutOfService(_) => self.supervisor.rests() && !self.owed(),
            Phase::Idle => self.supervisor.rests() && (!self.owed() || !self.serves()),
            _ => false,
        }
    }

    /// Whether the generation that has the device is one that serves.
    fn serves(&self) -> bool {
        let driver = self.driver.as_ref();
        !self.spoilt && driver.is_some_and(|driver| driver.kind.serves())
    }

    /// Whether an honest client waits for anything.
    fn owed(&self) -> bool {
        self.honest().any(Client::waits)
    }

    /// How many clients are hostile.
    fn hostiles(&self) -> usize {
        let clients = self.clients.iter();
        clients.filter(|c| c.manner != Manner::Good).count()
    }

    /// How often hostile clients may have ended a generation.
    fn lies(&self) -> usize {
        self.hostiles() * (1 + usize::from(self.forgiven))
    }

    /// Whether a client waits for a region that it has. One that was let in again has it from the next grant on.
    fn waits_for_nothing(&self, world: &World, client: &Client) -> bool {
        let vspace = plan::vault(plan::slot::CLIENT_VSPACES + client.index as u32);
        let reached = world.calls.reached(vspace, plan::CLIENT_QUEUE);
        world.blocked[client.index] && reached.is_some()
    }

    /// The clients that have done nothing wrong and are believed.
    fn honest(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(|client| {
            client.manner == Manner::Good
                && !client.dead
                && self.supervisor.standing(client.index) == Some(Standing::Believed)
        })
    }

    fn end(&mut self) -> Option<&'static str> {
        let world = self.world.borrow();
        let unit = self.supervisor.units().first()?;
        if let Phase::OutOfService(reason) = unit.machine().phase()
            && !self.excused
            && usize::from(self.crashes) + usize::from(self.starved) + self.lies() < 3
            && self.hostiles() < 2
            && self.serves()
            // Whoever is left alone with it hurts nobody else.
            && self.honest().next().is_some()
            && reason != Reason::StopTimeout
        {
            return Some("out of service for no reason");
        }
        let mut honest = self.honest();
        if unit.holder().granted() && honest.any(|client| self.waits_for_nothing(&world, client)) {
            return Some("a parked client is not resumed");
        }
        let guest = &self.clients[plan::GUEST];
        if let (Some(machine), Manner::Good, false) = (guest.machine(), guest.manner, self.spoilt)
            && let Some(rule) = machine.end(&world)
        {
            return Some(rule);
        }
        if self.excused {
            return None;
        }
        let lives = self.driver.as_ref().is_some_and(|driver| !driver.crashed);
        if let (Some(firmware), Phase::Idle, true) =
            (world.device.firmware, unit.machine().phase(), lives)
            && firmware.kept != unit.machine().committed().sequence
        {
            return Some("the device starts with other firmware than the committed");
        }
        check_end(&self.supervisor, &world)
    }

    /// The name of what did not end.
    fn late(&self) -> &'static str {
        let idle = self.supervisor.units().first().is_none_or(|unit| {
            matches!(unit.machine().phase(), Phase::Idle | Phase::OutOfService(_))
        });
        if idle && self.owed() {
            "a request is lost"
        } else if idle {
            "it does not come to rest"
        } else {
            "a transaction did not end"
        }
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
