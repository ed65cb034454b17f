// SPDX-License-Identifier: BSD-2-Clause
//! The real VMM of a client, with a vCPU that executes a small guest: what it is asked of is the seed's choice.

mod plug;
mod seen;

use std::sync::atomic::AtomicU64;

use molt_block_queue::Client as Queue;
use molt_disk_guest::{Asked, Guest, Kind, NOTIFY, STARTED, STATUS_REGISTER};
use molt_gate::{Change, ClientGate, Deferrals};
use molt_shared::Memory;
use molt_terminal::Terminal;
use molt_vmm::machine::{VIRTIO, VIRTIO_IRQ};
use molt_vmm::stand_in::StandIn;
use molt_vmm::virtio::block::Block;
use molt_vmm::virtio::link::Link;
use molt_vmm::virtio::standing::Standing;
use molt_vmm::virtio::usage::Usage;
use molt_vmm::{Exit, Frame, Next, Pause, Ram, Vm};

use crate::disk::{SECTORS, Share};
use crate::model::Model;
use crate::mutant::Mutant;
use crate::plan::{self, Places};
use crate::platform::{Neighbours, Vcpu};
use crate::technique::Technique;
use crate::world::{Actor, World};
use plug::Plug;
pub use seen::Seen;

use std::collections::VecDeque;

/// Guest-physical address of the guest's memory.
const BASE: u64 = 0x4000_0000;
/// Requests in flight, and sectors of one, at the most.
const DEPTH: usize = 6;
const LONGEST: u64 = 12;
const _: () = assert!(Guest::memory(DEPTH, LONGEST) as u64 <= plan::GUEST_MEMORY_SIZE);
/// Bytes of the stand-in's log and cache: so many pages at the most.
const LOG_PAGES: u64 = 4;
const CACHE_PAGES: u64 = 8;
const _: () = assert!((LOG_PAGES + CACHE_PAGES) * 4096 <= plan::STAND_IN_SIZE);
/// VIRTIO_BLK_F_FLUSH.
const FLUSH: u64 = 1 << 9;
/// A block of the stand-in's cache, in sectors.
const BLOCK: u64 = 8;

/// The VMM and its guest.
pub struct Machine {
    vm: Vm<'static>,
    vcpu: Vcpu,
    frame: Frame,
    technique: Technique,
    guest: Guest,
    model: Model,
    /// Registers that the guest's driver still has to write before it works.
    start: VecDeque<(u64, u32)>,
    /// They are written, and their effect was looked at.
    started: bool,
    /// The disk does not offer what the guest's driver needs, because there never was a driver of it: the guest does not use it.
    refused: bool,
    /// With the technique `unplug`.
    plug: Plug,
    /// There will be no driver any more.
    out_of_service: bool,
    /// The vCPU runs.
    runs: bool,
    /// The guest stands still because the driver is away: since when, and what its clock shows.
    stopped: Option<(u64, u64)>,
    /// There was a driver.
    served: bool,
    /// Since when the driver is away, and a count of its absences.
    away: Option<u64>,
    absences: u64,
    /// The driver has broken the protocol since it is there. To the VMM, it is away since then.
    in_doubt: bool,
    /// In which absence what is in each place was asked.
    asked_in: [Option<u64>; DEPTH],
    /// When that was, in the guest's time.
    asked_at: [u64; DEPTH],
    value: u64,
    pub seen: Seen,
    /// A rule that no hostile driver excuses.
    pub wrong: Option<&'static str>,
    /// A rule that one may excuse.
    pub broken: Option<&'static str>,
}

impl Machine {
    /// A VMM whose guest starts, and the share of the disk that it uses.
    pub fn new(world: &mut World, places: &Places, technique: Technique) -> Self {
        let ram = world.ram;
        let n = plan::GUEST;
        let (to_client, to_update) = plan::gate(n);
        let (to_client, to_update) = (ram.words(to_client, 4096), ram.words(to_update, 4096));
        let place = places.of(0);
        let region = ram.words(place.queues[n], place.size(n));
        let memory = Memory::of(ram.words(plan::GUEST_MEMORY, plan::GUEST_MEMORY_SIZE));
        let console = Terminal::new(&[], &[]);
        let mut vm = Vm::new(Ram::new(memory, BASE), 1, console, to_update, |us| {
            us * 1000
        });
        let gate = ClientGate::new(to_client, to_update, 0);
        let link = Link::new(Queue::new(region), gate, 0).pausing(technique.pauses());
        let mut block = Block::new(link, SECTORS, ram.words(plan::REGISTERS, 4096));
        if technique == Technique::Unplug && world.mutant != Some(Mutant::SaysNothing) {
            block.set_usage(Usage::new(Deferrals::new(to_client, to_update), 0));
        }
        if technique.stands_in() {
            block.set_stand_in(stand_in(world, region));
        }
        vm.add(VIRTIO, Some(VIRTIO_IRQ), Box::new(block));
        if technique.pauses() {
            vm.set_pause(Pause::new(true, plan::PAUSE_LIMIT_US));
        }
        world.share = Some(Share::new(memory, region, world.mutant));
        let mut guest = Guest::new(memory, BASE, DEPTH, LONGEST);
        let start = guest.start(FLUSH);
        let mut machine = Self {
            vm,
            vcpu: Vcpu::default(),
            frame: Frame::default(),
            technique,
            guest,
            model: Model::new(),
            start,
            started: false,
            refused: false,
            plug: Plug::default(),
            out_of_service: false,
            runs: false,
            stopped: None,
            served: false,
            away: None,
            absences: 0,
            in_doubt: false,
            asked_in: [None; DEPTH],
            asked_at: [0; DEPTH],
            value: 0,
            seen: Seen::default(),
            wrong: None,
            broken: None,
        };
        if technique == Technique::Unplug {
            machine.plug = Plug::new(world);
        }
        let mut here = Neighbours::new(world, &mut machine.vcpu);
        machine.vm.begin(BASE, 0, &mut here);
        machine.follow(world);
        machine
    }

    /// Whether the guest waits for an answer.
    pub fn waits(&self) -> bool {
        self.guest.in_flight().next().is_some()
    }

    /// Whether the guest's driver uses the disk.
    pub const fn has_disk(&self) -> bool {
        self.started && !self.refused
    }

    /// How many it waits for.
    pub fn owed(&self) -> usize {
        self.guest.in_flight().count()
    }

    /// The VMM looks at everything that may have changed.
    pub fn poll(&mut self, world: &mut World) {
        let due = self.vcpu.timer.filter(|at| *at <= world.now);
        let mut here = Neighbours::new(world, &mut self.vcpu);
        if due.is_some() {
            here.vcpu.timer = None;
            self.vm.timer(&mut here);
        }
        self.vm.poll(&mut here);
        self.follow(world);
    }

    /// The VMM has followed and acknowledged this change of its gate.
    pub fn changed(&mut self, change: Change, world: &mut World) {
        self.in_doubt &= matches!(change, Change::Close(_));
        match change {
            Change::Close(_) => {
                if self.served && self.away.is_none() {
                    self.away = Some(world.now);
                    self.absences += 1;
                    if let Some(share) = &mut world.share {
                        share.behind.clear();
                    }
                }
            }
            Change::Open(..) => {
                self.served = true;
                self.away = None;
            }
            Change::OutOfService(_) => {
                self.out_of_service = true;
                self.away = None;
                if let Some(share) = &mut world.share {
                    share.lost = true;
                    share.logged.clear();
                }
            }
        }
    }

    /// The driver has broken the protocol.
    pub fn doubt(&mut self) {
        self.in_doubt = true;
    }

    /// What `pause` promises: the guest does not run while the driver is away, and runs again when it is back.
    pub fn check(&mut self, world: &World) {
        if self.in_doubt {
            return;
        }
        let over = |since: u64| world.now >= since + plan::PAUSE_LIMIT_US;
        let stands = self.technique == Technique::Pause;
        if let Some(since) = self.away
            && stands
            && self.runs
            && !over(since)
        {
            self.wrong = Some("a guest runs while its device is away");
        }
        if let Some((since, _)) = self.stopped
            && (self.away.is_none() || over(since))
        {
            self.wrong = Some("a guest stands still for no reason");
        }
    }

    /// The guest runs, for as long as it may: takes answers, and asks for some of what it still wants.
    pub fn run(&mut self, world: &mut World, wanted: &mut u64) {
        if self.plug.out && !self.takes_disk(world) {
            return;
        }
        while self.runs
            && let Some((register, value)) = self.start.front().copied()
        {
            if !self.store(world, register, value) {
                return;
            }
            self.start.pop_front();
        }
        if self.runs && !self.started {
            self.started = true;
            self.refused = self.load(world, STATUS_REGISTER) != STARTED;
        }
        if self.refused || !self.started {
            return;
        }
        self.collect(world);
        // What it would ask for waits until it has the disk again.
        let leaves = self.plug.is_due(world.now);
        let mut none = 0;
        let wanted = if leaves { &mut none } else { wanted };
        let mut some = false;
        while self.runs && *wanted > 0 && self.guest.has_room() && world.choices.below(4) != 0 {
            *wanted -= 1;
            let asked = self.choose(world);
            some |= self.ask(world, asked);
        }
        if self.runs && *wanted == 0 && !self.model.flushed && !self.waits() {
            some |= self.ask(world, flush());
        }
        if some {
            self.store(world, NOTIFY, 0);
            self.collect(world);
        }
        if self.runs && self.guest.has_room() && (*wanted > 0 || !self.model.flushed) {
            let more = *wanted > 0 || !self.waits();
            if more {
                world.signal(Actor::Client(plan::GUEST));
            }
        }
        if leaves && self.runs && self.model.flushed && !self.waits() {
            self.gives_disk_up(world);
        }
    }

    /// The guest's driver is unbound: it resets the disk.
    fn gives_disk_up(&mut self, world: &mut World) {
        self.started = false;
        self.store(world, STATUS_REGISTER, 0);
        self.plug.turn(world);
        self.seen.unplugged += 1;
    }

    /// The guest's driver is bound again, if it is time.
    fn takes_disk(&mut self, world: &mut World) -> bool {
        let takes = self.plug.is_due(world.now);
        if takes {
            self.start = self.guest.start(FLUSH);
            self.plug.turn(world);
            self.seen.plugged += 1;
        }
        takes
    }

    fn choose(&mut self, world: &mut World) -> Asked {
        let choices = &mut world.choices;
        let kind = match choices.below(10) {
            0 => return flush(),
            1..=5 => Kind::Read,
            _ => Kind::Write,
        };
        let (sector, sectors) = match kind {
            // Only whole blocks enter the cache.
            Kind::Read if choices.once_in(2) => (choices.below(SECTORS / BLOCK) * BLOCK, BLOCK),
            _ => {
                let sectors = 1 + choices.below(LONGEST);
                (choices.below(SECTORS - sectors), sectors)
            }
        };
        self.value += 1;
        Asked {
            kind,
            sector,
            sectors,
            value: self.value,
        }
    }

    /// Whether it could be asked: no two writes of a sector, of which nobody knows which is the last, and one flush at a time.
    fn ask(&mut self, world: &mut World, asked: Asked) -> bool {
        let flushes = self.guest.in_flight().any(|a| a.kind == Kind::Flush);
        let other = |a: &Asked| a.kind == Kind::Write && a.crosses(&asked);
        let unclear = asked.kind == Kind::Write && self.guest.in_flight().any(other);
        if flushes && asked.kind == Kind::Flush || unclear {
            return false;
        }
        let Some(place) = self.guest.ask(asked) else {
            return false;
        };
        self.asked_at[place] = self.model.asked(&asked);
        self.asked_in[place] = self.away.map(|_| self.absences);
        if let (Some(share), Some(_)) = (&mut world.share, self.away) {
            share.behind.insert(self.data(place, &asked));
        }
        true
    }

    /// Where its data is in the guest's memory.
    fn data(&self, place: usize, asked: &Asked) -> Option<u64> {
        (asked.kind != Kind::Flush).then(|| self.guest.data(place))
    }

    /// Takes answers.
    fn collect(&mut self, world: &mut World) {
        loop {
            let answer = match self.guest.next_answer() {
                Ok(Some(answer)) => answer,
                Ok(None) => return,
                Err(_) => {
                    self.wrong = Some("a guest is answered twice");
                    return;
                }
            };
            let Some(share) = &mut world.share else {
                return;
            };
            let (place, asked) = (answer.place, answer.asked);
            let asked_in = self.asked_in[place].take();
            share.behind.remove(&self.data(place, &asked));
            self.seen.answered += 1;
            if self.away.is_some() && asked_in == Some(self.absences) && answer.ok {
                self.seen.stood_in += 1;
                if asked.kind == Kind::Write {
                    share.logged.insert(asked.value);
                }
            }
            self.seen.failed += u64::from(!answer.ok);
            // A stand-in says by a failed flush that it could not write its log.
            let excused = self.out_of_service || self.technique.stands_in();
            if self.seen.failed > share.failed && !excused {
                self.broken = Some("a request fails that no driver has failed");
            }
            self.seen.flushes += u64::from(asked.kind == Kind::Flush && answer.ok);
            self.seen.records = share.records;
            let (guest, model) = (&self.guest, &mut self.model);
            let read = |n| guest.sector(place, n);
            let rule = model.answered(
                &answer,
                self.asked_at[place],
                read,
                guest.in_flight(),
                share,
            );
            self.broken = self.broken.or(rule);
            if world.mutant == Some(Mutant::AnswersTwice) && self.seen.answered == 5 {
                self.guest.answer_again();
            }
        }
    }

    /// The guest stores to a register of the disk. Returns whether the access was carried out.
    fn store(&mut self, world: &mut World, register: u64, value: u32) -> bool {
        const WRITE: u64 = 1 << 6;
        self.frame.x[1] = value.into();
        self.access(world, register, WRITE)
    }

    /// The guest loads a register of the disk.
    fn load(&mut self, world: &mut World, register: u64) -> u32 {
        self.access(world, register, 0);
        self.frame.x[1] as u32
    }

    fn access(&mut self, world: &mut World, register: u64, write: u64) -> bool {
        // ESR_EL2 of an access to a word, to or from X1: a data abort with a valid syndrome and a translation fault.
        const WORD: u64 = 0x24 << 26 | 1 << 25 | 1 << 24 | 2 << 22 | 1 << 16 | 1 << 15 | 6;
        let pc = self.frame.pc;
        let exit = Exit::Abort {
            address: VIRTIO + register,
            esr: WORD | write,
        };
        let mut here = Neighbours::new(world, &mut self.vcpu);
        let next = self.vm.exit(0, exit, &mut self.frame, &mut here);
        let carried_out = self.frame.pc != pc;
        match next {
            Next::Run => {}
            Next::Wait if carried_out => self.stop(world),
            Next::Wait => self.runs = false,
            Next::Stop(_) => self.wrong = Some("a guest is ended"),
        }
        self.follow(world);
        carried_out
    }

    /// The vCPU stops, or goes on.
    fn follow(&mut self, world: &World) {
        if self.vm.take_halting().contains(0) {
            self.stop(world);
        }
        if self.vm.take_going().contains(0) {
            let stays = self.stopped.is_some() && world.mutant == Some(Mutant::StandsStill);
            if !stays {
                self.go_on(world);
            }
        }
    }

    fn stop(&mut self, world: &World) {
        if world.mutant != Some(Mutant::RunsOn) {
            self.runs = false;
            self.stopped = Some((world.now, self.vcpu.clock(world.now)));
            self.seen.pauses += 1;
        }
    }

    fn go_on(&mut self, world: &World) {
        self.runs = true;
        let clock = self.vcpu.clock(world.now);
        let stopped = self.stopped.take();
        if stopped.is_some_and(|(_, stopped)| stopped != clock) {
            self.wrong = Some("a guest's clock shows a pause");
        }
    }

    /// What must hold when nothing is under way.
    pub fn end(&self, world: &World) -> Option<&'static str> {
        match &world.share {
            Some(share) if !self.waits() => self.model.end(share).err(),
            _ => None,
        }
    }
}

const fn flush() -> Asked {
    Asked {
        kind: Kind::Flush,
        sector: 0,
        sectors: 0,
        value: 0,
    }
}

fn stand_in(world: &mut World, region: &'static [AtomicU64]) -> Standing<'static> {
    let cache = world.choices.below(CACHE_PAGES + 1) * 4096;
    let log = (1 + world.choices.below(LOG_PAGES)) * 4096;
    let memory = Memory::of(world.ram.words(plan::STAND_IN, cache + log));
    Standing::new(StandIn::new(memory, log as usize), region, |us| us * 1000)
}
