// SPDX-License-Identifier: BSD-2-Clause
//! A generation: a driver that works, or has one fault.

use std::sync::atomic::Ordering;

use molt_block_queue::{OWN, Properties, Request, Server, SlotId, Status};
use molt_control::{Order, Orders, Report, Transfer};

use crate::device::Firmware;
use crate::disk::is_record;
use crate::plan::{self, FIRMWARE_PAGES, GUEST, Places, driver_at};
use crate::world::{Actor, World};

/// The fault of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Good,
    NeverReady,
    FaultsAtStart,
    FaultsLate,
    SaysFailed,
    Silent,
    Disobeys,
    QuietTooEarly,
    AnswersErrors,
    Violates,
    Scribbles,
}

impl Kind {
    /// What an offered image may be.
    pub const ALL: [Self; 11] = [
        Self::Good,
        Self::NeverReady,
        Self::FaultsAtStart,
        Self::FaultsLate,
        Self::SaysFailed,
        Self::Silent,
        Self::Disobeys,
        Self::QuietTooEarly,
        Self::AnswersErrors,
        Self::Violates,
        Self::Scribbles,
    ];

    /// Whether it serves requests without failing.
    pub fn serves(self) -> bool {
        matches!(self, Self::Good | Self::Disobeys | Self::QuietTooEarly)
    }
}

/// What a VMM is told of the disk.
const PROPERTIES: Properties = Properties {
    read_only: false,
    flush: true,
    max_discard_sectors: 0,
    max_write_zeroes_sectors: 0,
    block_size: 512,
    max_segments: 0,
};

/// The result of a turn.
pub enum Turn {
    /// Nothing to be said about it.
    Done,
    /// It touched memory that it does not have.
    Faulted(u64),
}

/// A request that it has taken.
struct InFlight {
    /// Which of its clients has asked: the number of its server.
    server: usize,
    slot: SlotId,
    /// What a plain client calls it.
    name: u64,
    /// A VMM's has data.
    data: Option<Box<Request>>,
}

/// A running generation.
pub struct Driver {
    pub kind: Kind,
    component: usize,
    pub arena: usize,
    pub crashed: bool,
    /// Its side of each client's queue.
    servers: Vec<(usize, Server<'static>)>,
    report: Report<'static>,
    orders: Orders<'static>,
    in_flight: Vec<InFlight>,
    beat: u64,
    ready: bool,
    quiet: Option<u64>,
    /// Serial number of the newest transfer, and whether it is under way.
    transfer: (u32, bool),
    kept: bool,
    served: u64,
    /// Requests that it answered with an error.
    pub failed: u64,
}

impl Driver {
    pub fn new(
        world: &mut World,
        places: &Places,
        component: usize,
        arena: usize,
        kind: Kind,
    ) -> Self {
        if component == 0
            && let Some(share) = &mut world.share
        {
            share.begin();
        }
        let place = places.of(component);
        let page = |paddr| world.ram.words(paddr, 4096);
        let (orders, report) = place.control[arena];
        let orders = Orders::new(page(orders));
        let generation = orders.generation();
        let servers = place.clients().map(|n| {
            let words = world.ram.words(place.queues[n], place.size(n));
            (n, Server::new(words, generation))
        });
        Self {
            kind,
            component,
            arena,
            crashed: false,
            servers: servers.collect(),
            report: Report::new(page(report), generation),
            orders,
            in_flight: Vec::new(),
            beat: orders.beat(),
            ready: false,
            quiet: None,
            transfer: (0, false),
            kept: false,
            served: 0,
            failed: 0,
        }
    }

    /// Whether an address can be touched by it; else it faults.
    fn touches(&self, world: &World, vaddr: u64, write: bool) -> Result<(), u64> {
        let vspace = plan::vspace(self.component, self.arena);
        match world.calls.reached(vspace, vaddr) {
            Some(reached) if reached.write || !write => Ok(()),
            _ => Err(vaddr),
        }
    }

    /// Runs until there is nothing more to do. `done` counts what the device has done, by request.
    pub fn turn(&mut self, world: &mut World, done: &mut Vec<u64>) -> Turn {
        match self.run(world, done) {
            Ok(()) => Turn::Done,
            Err(address) => {
                self.crashed = true;
                Turn::Faulted(address)
            }
        }
    }

    fn run(&mut self, world: &mut World, done: &mut Vec<u64>) -> Result<(), u64> {
        self.touches(world, driver_at::ORDERS, false)?;
        self.touches(world, driver_at::REPORT, true)?;
        if self.kind == Kind::FaultsAtStart {
            return Err(0);
        }
        if self.orders.beat() != self.beat && self.kind != Kind::Silent {
            self.beat = self.orders.beat();
            self.report.beat(self.beat);
        }
        let (order, serial) = self.orders.order();
        if !self.ready && self.kind != Kind::NeverReady && self.brings_firmware(world)? {
            self.touches(world, driver_at::DEVICE, true)?;
            let now = world.now;
            world.devices[self.component].write(now, 0x070, 0xf);
            self.ready = true;
            if self.component == 0 && world.share.is_some() {
                self.servers[GUEST].1.publish(&PROPERTIES);
            }
            self.report.ready();
        }
        if !self.ready {
            return Ok(());
        }
        self.follow_transfer(world)?;
        let obeys = self.kind != Kind::Disobeys;
        let taking = order == Order::Run || !obeys;
        for n in 0..self.servers.len() {
            let client = self.servers[n].0;
            self.touches(world, driver_at::queue(client), true)?;
            let mut request = Request::default();
            while taking && let Some(Ok(slot)) = self.servers[n].1.take(&mut request) {
                self.report.submitted(world.now);
                let data = self.take_data(world, client, &request)?;
                self.in_flight.push(InFlight {
                    server: n,
                    slot,
                    name: request.sector,
                    data,
                });
            }
        }
        self.complete(world, done)?;
        let idle = self.in_flight.is_empty() || self.kind == Kind::QuietTooEarly;
        if order == Order::Quiesce && obeys && idle && self.quiet != Some(serial) {
            self.quiet = Some(serial);
            self.report.quiesced(serial);
        }
        Ok(())
    }

    /// The word at an address that it reads.
    fn reads(&self, world: &World, vaddr: u64) -> Result<u64, u64> {
        let vspace = plan::vspace(self.component, self.arena);
        let reached = world.calls.reached(vspace, vaddr).ok_or(vaddr)?;
        Ok(world.ram.word(reached.paddr & !7).load(Ordering::Relaxed))
    }

    /// Brings the device to the firmware that it was built with. Returns whether the device runs it.
    fn brings_firmware(&mut self, world: &mut World) -> Result<bool, u64> {
        if world.devices[self.component].firmware.is_none() {
            return Ok(true);
        }
        let own = self.reads(world, driver_at::FIRMWARE)?;
        self.touches(world, driver_at::DEVICE, true)?;
        let takes = world.choices.below(4);
        let Some(device) = &mut world.devices[self.component].firmware else {
            return Ok(true);
        };
        match *device {
            Firmware { runs, .. } if runs == own => return Ok(true),
            Firmware { spare, .. } if spare == own => device.activate(),
            // Once in a while the device has lost it.
            _ if takes == 0 => device.spare = own,
            _ => {}
        }
        world.signal(Actor::Driver(self.component));
        Ok(false)
    }

    /// Transfers the next firmware, and has the device keep what it runs.
    fn follow_transfer(&mut self, world: &mut World) -> Result<(), u64> {
        if world.devices[self.component].firmware.is_none() {
            return Ok(());
        }
        if self.orders.committed() && !self.kept {
            self.kept = true;
            if let Some(device) = &mut world.devices[self.component].firmware {
                device.kept = device.runs;
            }
        }
        if let Some((serial, _)) = self.orders.transfer()
            && serial != self.transfer.0
        {
            self.transfer = (serial, true);
        }
        let (serial, true) = self.transfer else {
            return Ok(());
        };
        let last = driver_at::NEXT_FIRMWARE + 4096 * u64::from(FIRMWARE_PAGES - 1);
        let next = self.reads(world, last)?;
        let end = match world.choices.below(16) {
            // The device does not answer any more.
            0 => return Ok(()),
            1 => Transfer::Failed(3),
            // A driver that lies: its successor has to transfer it.
            2 => Transfer::Done,
            3..9 => {
                self.report.transfer(serial, Transfer::Working(500));
                return Ok(());
            }
            _ => {
                if let Some(device) = &mut world.devices[self.component].firmware {
                    device.spare = next;
                }
                Transfer::Done
            }
        };
        self.transfer.1 = false;
        self.report.transfer(serial, end);
        Ok(())
    }

    /// The device is as fast as the driver is woken.
    fn complete(&mut self, world: &mut World, done: &mut Vec<u64>) -> Result<(), u64> {
        if !world.devices[self.component].active || self.kind == Kind::Silent && self.served > 2 {
            return Ok(());
        }
        self.touches(world, driver_at::RING, true)?;
        let flight = std::mem::take(&mut self.in_flight);
        for request in flight {
            if world.choices.once_in(4) {
                self.in_flight.push(request);
                continue;
            }
            let InFlight {
                server: n,
                slot,
                name,
                data,
            } = request;
            if let Some(device) = world.devices[self.component].firmware
                && device.runs != self.reads(world, driver_at::FIRMWARE)?
            {
                world.broken = Some("served under another firmware");
            }
            let fails = self.kind == Kind::AnswersErrors;
            let done = match data {
                Some(request) => self.carry_out(world, &request, !fails),
                None => {
                    if !fails {
                        done.push(name);
                    }
                    !fails
                }
            };
            let status = if done { Status::Ok } else { Status::IoError };
            if self.servers[n].1.complete(slot, status).is_ok() {
                let told = fails && world.mutant != Some(crate::Mutant::NoErrors);
                self.report.completed(told, world.now);
                self.served += 1;
                self.failed += u64::from(fails);
                world.signal(Actor::Client(self.servers[n].0));
            }
            match self.kind {
                Kind::FaultsLate if self.served > 1 => return Err(8),
                Kind::SaysFailed if self.served > 1 => self.report.failed(7),
                Kind::Violates if self.served > 1 => self.spoil(world, n, 8, u64::MAX / 2),
                Kind::Scribbles => {
                    let word = world.choices.below(2048);
                    let value = world.choices.word();
                    self.spoil(world, n, word, value);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps a VMM's request, which has data. A record of the log is read from the region.
    fn take_data(
        &self,
        world: &mut World,
        client: usize,
        request: &Request,
    ) -> Result<Option<Box<Request>>, u64> {
        if self.component != 0 || world.share.is_none() || client != GUEST {
            return Ok(None);
        }
        if is_record(request)
            && let Some(segment) = request.segments.first()
        {
            let first = driver_at::queue(client) + (segment.offset & !OWN);
            self.touches(world, first, false)?;
            self.touches(world, first + u64::from(segment.len).max(1) - 1, false)?;
        }
        // One that writes anything into the queue also takes anything out of it.
        if self.kind != Kind::Scribbles
            && let Some(share) = &mut world.share
        {
            share.taken(request);
        }
        Ok(Some(Box::new(request.clone())))
    }

    /// Has the device carry a VMM's request out. Returns whether it succeeds.
    fn carry_out(&self, world: &mut World, request: &Request, succeeds: bool) -> bool {
        match &mut world.share {
            Some(share) if self.kind != Kind::Scribbles => {
                share.failed += u64::from(!succeeds);
                share.complete(request, succeeds)
            }
            _ => succeeds,
        }
    }

    /// Has it look again.
    pub fn busy(&self) -> bool {
        !self.crashed && !self.in_flight.is_empty() && self.kind != Kind::Silent
    }

    /// Writes a word of a client's queue.
    fn spoil(&self, world: &World, server: usize, word: u64, value: u64) {
        let vspace = plan::vspace(self.component, self.arena);
        let vaddr = driver_at::queue(self.servers[server].0) + 8 * word;
        if let Some(reached) = world.calls.reached(vspace, vaddr)
            && reached.write
        {
            world
                .ram
                .word(reached.paddr & !7)
                .store(value, Ordering::Relaxed);
        }
    }
}
