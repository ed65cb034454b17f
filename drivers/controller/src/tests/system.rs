// SPDX-License-Identifier: BSD-2-Clause
//! The machine that decides about updates (`molt-update`) over the driver's generations, with clients that read all the time.
//! `stage` and `update`'s work on capabilities take no time here and do not fail.

use std::collections::VecDeque;

use molt_firmware::{Header, SIGNED};
use molt_link::Sensor;
use molt_sensor_queue::{Answer, Token};
use molt_update::{Action, Config, Event, Generation, Machine, Phase, Reason, Status};

use super::fake::Fake;
use super::rig::{Rig, driver};
use crate::{Service, Transfer};

const MS: u64 = 1000;

/// The limits of `tests/systems/sensor.xml`.
pub fn config() -> Config {
    Config {
        clients: 0b11,
        slots: 3,
        offer: 1000 * MS,
        approved: 0,
        approval: 1000 * MS,
        stage: 1000 * MS,
        defer: [0; 8],
        consents: 0,
        transfer: Some(30_000 * MS),
        quiesce: 200 * MS,
        stop: 100 * MS,
        ready: 20_000 * MS,
        probation: 8_000 * MS,
        probation_completions: 64,
        errors_allowed: 1,
        remember: None,
        keep: None,
        beat: 2_000 * MS,
        attempts: 3,
        relapses: 3,
        settled: 80_000 * MS,
    }
}

/// A rule that was broken.
pub type Broken = String;

/// What a bundle brings: a driver, and the firmware that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// The driver's version.
    pub driver: u32,
    pub firmware: &'static [u8],
}

impl From<&'static [u8]> for Pair {
    /// The driver has the version of the firmware.
    fn from(firmware: &'static [u8]) -> Self {
        let signed = firmware.first_chunk::<SIGNED>().unwrap();
        let driver = Header::parse(signed).unwrap().version;
        Self { driver, firmware }
    }
}

/// How a driver fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// `update` learns that it has faulted, broken the queue's protocol or the like.
    For(Reason),
    /// It does nothing any more.
    Hangs,
    /// It counts an error for each request that it has completed.
    Errs,
}

/// From when on the time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    Grant,
    Transfer,
}

/// A generation whose driver has this version fails so many milliseconds later.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    pub driver: u32,
    pub since: Since,
    pub ms: u64,
    pub fails: Fails,
    /// So many generations do.
    pub times: u32,
}

/// The generation that has the device.
#[derive(Clone, Copy)]
struct Running {
    generation: Generation,
    driver: u32,
    /// When it was granted the device, and ordered to transfer; in ms.
    granted: u64,
    ordered: Option<u64>,
    /// It has failed in a manner that `update` has to find out.
    failed: Option<Fails>,
    ready: bool,
    /// It was ordered to quiesce.
    quiesces: bool,
    transfers: bool,
    /// What the rig had counted before it.
    completed: u32,
    errors: u32,
}

pub struct System {
    pub rig: Rig,
    pub machine: Machine,
    events: VecDeque<Event>,
    /// What each bundle slot, and each arena, has been filled with.
    slots: [Pair; 3],
    arenas: [Pair; 2],
    running: Option<Running>,
    /// The version of the driver that may have answered the clients last.
    serving: u32,
    /// The failures that are still to come, of generations from this one on.
    pub strikes: Vec<Strike>,
    first_to_fail: Generation,
    /// When the offer was made, each generation was granted the device since, and the transaction ended; in ms.
    pub offered_at: u64,
    pub granted_at: Vec<u64>,
    pub ended_at: u64,
    /// How the offer ended.
    pub ended: Option<(Status, Reason)>,
    /// What each client has asked for and was not answered yet.
    asked: [VecDeque<(Token, Sensor)>; 2],
    /// The firmware's versions that have shown in values, the last one last, and the last count of starts.
    pub shown: Vec<u32>,
    boots: u32,
    /// Reads that were answered with a value, and with an error.
    pub values: u64,
    pub errors: u64,
}

impl System {
    /// With this factory image; started.
    pub fn new(fake: Fake, factory: impl Into<Pair>) -> Self {
        let factory = factory.into();
        let mut system = Self {
            rig: Rig::new(fake, factory.firmware),
            machine: Machine::new(config(), 1),
            events: VecDeque::from([Event::Start]),
            slots: [factory; 3],
            arenas: Default::default(),
            running: None,
            serving: 0,
            strikes: Vec::new(),
            first_to_fail: 0,
            offered_at: 0,
            granted_at: Vec::new(),
            ended_at: 0,
            ended: None,
            asked: Default::default(),
            shown: Vec::new(),
            boots: 0,
            values: 0,
            errors: 0,
        };
        system
            .rig
            .clients
            .iter_mut()
            .for_each(|client| client.close());
        system
    }

    /// Client 0 offers and confirms a bundle with this image, for the first time or again.
    pub fn offer(&mut self, image: impl Into<Pair>) {
        let image = image.into();
        (self.slots[1], self.slots[2]) = (image, image);
        self.ended = None;
        self.offered_at = self.now();
        self.granted_at.clear();
        let running = self.running.map(|running| running.generation);
        self.first_to_fail = running.map_or(0, |generation| generation + 1);
        self.shown.drain(..self.shown.len().saturating_sub(1));
        self.events.push_back(Event::Forgive);
        let (client, handle) = (0, 1);
        self.events.push_back(Event::Offer {
            client,
            allowed: true,
            handle,
        });
        self.events.push_back(Event::Confirm { client, handle });
    }

    /// The committed image.
    pub fn committed(&self) -> Pair {
        self.slots[usize::from(self.machine.committed().slot)]
    }

    /// The version of the driver that runs.
    pub fn driver(&self) -> Option<u32> {
        self.running.map(|running| running.driver)
    }

    fn now(&self) -> u64 {
        self.rig.fake.0.borrow().now
    }

    /// Whether nothing is under way, and what is committed has passed probation.
    pub fn is_idle(&self) -> bool {
        self.machine.phase() == Phase::Idle && self.running.is_some_and(|running| running.ready)
    }

    /// A millisecond.
    pub fn tick(&mut self) -> Result<(), Broken> {
        self.rig.fake.0.borrow_mut().tick();
        self.drive();
        self.rig.collect();
        self.read()?;
        let now = self.now() * MS;
        if self
            .machine
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.events.push_back(Event::Tick);
        }
        while let Some(event) = self.events.pop_front() {
            for action in self.machine.step(now, event) {
                self.carry_out(action)?;
            }
        }
        Ok(())
    }

    /// What the generation's PD does (`pds/generation`), and what `update` sees of it.
    fn drive(&mut self) {
        let Some(mut running) = self.running else {
            return;
        };
        let generation = running.generation;
        running.failed = running.failed.or_else(|| self.strike(&running));
        let failed = match running.failed {
            Some(Fails::For(reason)) => Some(reason),
            Some(Fails::Hangs) => None,
            Some(Fails::Errs) | None => {
                self.serving = running.driver;
                let done = self.rig.driver.ready().and_then(|ready| {
                    if ready && !running.ready {
                        running.ready = true;
                        self.events.push_back(Event::Ready(generation));
                    }
                    self.rig.pump()
                });
                done.is_err().then_some(Reason::DriverFatal)
            }
        };
        if let Some(reason) = failed {
            self.running = None;
            self.events.push_back(Event::Failed { generation, reason });
            return;
        }
        let works = running.failed != Some(Fails::Hangs);
        if works && running.quiesces && self.rig.driver.in_flight() == 0 {
            running.quiesces = false;
            self.events.push_back(Event::Quiesced(generation));
        }
        if works && running.transfers {
            let ended = match self.rig.driver.transferred() {
                Transfer::Working(_) => None,
                Transfer::Done => Some(Event::Transferred(generation)),
                Transfer::Failed(_) => Some(Event::TransferFailed(generation)),
            };
            running.transfers = ended.is_none();
            self.events.extend(ended);
        }
        let owed = self
            .rig
            .clients
            .iter()
            .map(|client| client.owed() as u64)
            .sum();
        let completions = (self.rig.total.completed - running.completed).into();
        self.events.push_back(Event::Health {
            generation,
            completions,
            errors: match running.failed {
                Some(Fails::Errs) => completions,
                _ => (self.rig.total.errors - running.errors).into(),
            },
            expected: 0,
            owed,
        });
        self.running = Some(running);
    }

    /// How this generation fails now, if it does.
    fn strike(&mut self, running: &Running) -> Option<Fails> {
        let now = self.now();
        let place = self.strikes.iter().position(|strike| {
            let (since, may) = match strike.since {
                Since::Grant => (
                    Some(running.granted),
                    running.generation >= self.first_to_fail,
                ),
                Since::Transfer => (running.ordered, true),
            };
            let due = since.is_some_and(|since| now >= since + strike.ms);
            may && due && strike.driver == running.driver
        })?;
        let strike = &mut self.strikes[place];
        strike.times -= 1;
        let fails = strike.fails;
        if strike.times == 0 {
            self.strikes.remove(place);
        }
        Some(fails)
    }

    fn carry_out(&mut self, action: Action) -> Result<(), Broken> {
        let now = self.now();
        match action {
            Action::Verify { slot, .. } => {
                let sequence = 1 + u64::from(slot);
                let digest = [sequence; 4];
                self.events.push_back(Event::Verified { sequence, digest });
            }
            Action::Build { slot, arena, .. } => {
                self.arenas[usize::from(arena)] = self.slots[usize::from(slot)];
                self.events.push_back(Event::Built);
            }
            Action::Transfer { arena, .. } => {
                let next = self.arenas[usize::from(arena)];
                self.rig.driver.transfer(next.firmware);
                self.running.iter_mut().for_each(|running| {
                    running.transfers = true;
                    running.ordered = Some(now);
                });
            }
            Action::Confirm(_) => self.rig.driver.committed(),
            Action::Quiesce(_) => {
                self.rig.driver.set_taking(false);
                self.running
                    .iter_mut()
                    .for_each(|running| running.quiesces = true);
            }
            Action::CloseGates => {
                self.rig
                    .clients
                    .iter_mut()
                    .for_each(|client| client.close());
                self.events
                    .extend([Event::GateClosed(0), Event::GateClosed(1)]);
            }
            Action::OpenGates(generation) => {
                self.rig
                    .clients
                    .iter_mut()
                    .for_each(|client| client.resume(generation));
            }
            Action::Suspend(_) => self.running = None,
            Action::StopDevice => self.events.push_back(Event::Stopped),
            Action::Grant { generation, arena } => {
                let (fake, regions) = (&self.rig.fake, self.rig.regions);
                let image = self.arenas[usize::from(arena)];
                self.rig.driver = driver(fake, regions, generation, image.firmware).unwrap();
                self.granted_at.push(now);
                self.running = Some(Running {
                    generation,
                    driver: image.driver,
                    granted: now,
                    ordered: None,
                    failed: None,
                    ready: false,
                    quiesces: false,
                    transfers: false,
                    completed: self.rig.total.completed,
                    errors: self.rig.total.errors,
                });
            }
            Action::ClearArena(arena) => self.events.push_back(Event::ArenaCleared(arena)),
            Action::AskBeat(generation) => {
                let lives = |running: &Running| running.failed != Some(Fails::Hangs);
                let answers = self.running.as_ref().is_some_and(lives);
                self.events
                    .extend(answers.then_some(Event::Beat(generation)));
            }
            Action::Report {
                client: Some(_),
                status,
                reason,
            } if status.is_final() => {
                self.ended = Some((status, reason));
                self.ended_at = now;
            }
            Action::FailGates => return Err("the component is out of service".into()),
            Action::Prepare { .. }
            | Action::Deny(_)
            | Action::Report { .. }
            | Action::Blame { .. } => {}
            Action::WaitFor(_)
            | Action::Keep { .. }
            | Action::KeepKeys { .. }
            | Action::Reclaim
            | Action::Decline(_)
            | Action::Reject { .. } => return Err(format!("{action:?} was not to be expected")),
        }
        Ok(())
    }

    /// The clients look at what they were answered, and ask again: each keeps a read of each sensor under way.
    fn read(&mut self) -> Result<(), Broken> {
        for client in 0..self.asked.len() {
            let asked = std::mem::take(&mut self.asked[client]);
            for (token, sensor) in asked {
                match self.rig.answers[client].remove(&token) {
                    None => self.asked[client].push_back((token, sensor)),
                    Some(Answer::Value(value)) => self.value(sensor, value)?,
                    Some(Answer::Faulty) => self.errors += 1,
                    Some(other) => return Err(format!("{sensor:?} was answered with {other:?}")),
                }
            }
            for sensor in Sensor::ALL {
                if !self.asked[client].iter().any(|(_, asked)| *asked == sensor) {
                    let token = self.rig.ask(client, sensor.number().into());
                    self.asked[client].push_back((token, sensor));
                }
            }
        }
        Ok(())
    }

    /// A value has to be one that the fake's firmware of some version gives.
    fn value(&mut self, sensor: Sensor, value: u32) -> Result<(), Broken> {
        self.values += 1;
        let base = match sensor {
            Sensor::Inlet => 30_000,
            Sensor::Outlet => 40_000,
            Sensor::Fan1 | Sensor::Fan2 => 8_990,
            Sensor::Uptime => return Ok(()),
            Sensor::Boots if value < self.boots => {
                return Err(format!(
                    "the count of starts went back from {} to {value}",
                    self.boots
                ));
            }
            Sensor::Boots => {
                self.boots = value;
                return Ok(());
            }
        };
        match value.wrapping_sub(base) {
            version @ 1..=2 if version != self.serving => {
                let driver = self.serving;
                return Err(format!(
                    "a driver of version {driver} serves with firmware of version {version}"
                ));
            }
            version @ 1..=2 if self.shown.last() == Some(&version) => {}
            version @ 1..=2 => self.shown.push(version),
            _ => return Err(format!("{sensor:?} is {value}, which no firmware gives")),
        }
        Ok(())
    }
}
