// SPDX-License-Identifier: BSD-2-Clause
//! The machine that decides about updates (`molt-update`) over the driver's generations, with clients that read all the time.
//! `stage` and `update`'s work on capabilities take no time here and do not fail.

use std::collections::VecDeque;

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

/// The generation that has the device.
#[derive(Clone, Copy)]
struct Running {
    generation: Generation,
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
    slots: [&'static [u8]; 3],
    arenas: [&'static [u8]; 2],
    running: Option<Running>,
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
    /// With a factory image that has this firmware; started.
    pub fn new(fake: Fake, firmware: &'static [u8]) -> Self {
        let mut system = Self {
            rig: Rig::new(fake, firmware),
            machine: Machine::new(config(), 1),
            events: VecDeque::from([Event::Start]),
            slots: [firmware; 3],
            arenas: [&[]; 2],
            running: None,
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

    /// Client 0 offers and confirms a bundle with this firmware, for the first time or again.
    pub fn offer(&mut self, firmware: &'static [u8]) {
        (self.slots[1], self.slots[2]) = (firmware, firmware);
        self.ended = None;
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

    /// The firmware of the committed image.
    pub fn committed(&self) -> &'static [u8] {
        self.slots[usize::from(self.machine.committed().slot)]
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
        let now = self.rig.fake.0.borrow().now * MS;
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
        let done = self.rig.driver.ready().and_then(|ready| {
            if ready && !running.ready {
                running.ready = true;
                self.events.push_back(Event::Ready(generation));
            }
            self.rig.pump()
        });
        if done.is_err() {
            self.running = None;
            let reason = Reason::DriverFatal;
            self.events.push_back(Event::Failed { generation, reason });
            return;
        }
        if running.quiesces && self.rig.driver.in_flight() == 0 {
            running.quiesces = false;
            self.events.push_back(Event::Quiesced(generation));
        }
        if running.transfers {
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
        self.events.push_back(Event::Health {
            generation,
            completions: (self.rig.total.completed - running.completed).into(),
            errors: (self.rig.total.errors - running.errors).into(),
            expected: 0,
            owed,
        });
        self.running = Some(running);
    }

    fn carry_out(&mut self, action: Action) -> Result<(), Broken> {
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
                self.rig.driver.transfer(self.arenas[usize::from(arena)]);
                self.running
                    .iter_mut()
                    .for_each(|running| running.transfers = true);
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
                let firmware = self.arenas[usize::from(arena)];
                self.rig.driver = driver(fake, regions, generation, firmware).unwrap();
                self.running = Some(Running {
                    generation,
                    ready: false,
                    quiesces: false,
                    transfers: false,
                    completed: self.rig.total.completed,
                    errors: self.rig.total.errors,
                });
            }
            Action::ClearArena(arena) => self.events.push_back(Event::ArenaCleared(arena)),
            Action::AskBeat(generation) => {
                let answers = self.running.is_some();
                self.events
                    .extend(answers.then_some(Event::Beat(generation)));
            }
            Action::Report {
                client: Some(_),
                status,
                reason,
            } if status.is_final() => {
                self.ended = Some((status, reason));
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
            version @ 1..=2 if self.shown.last() == Some(&version) => {}
            version @ 1..=2 => self.shown.push(version),
            _ => return Err(format!("{sensor:?} is {value}, which no firmware gives")),
        }
        Ok(())
    }
}
