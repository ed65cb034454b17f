// SPDX-License-Identifier: BSD-2-Clause
//! A controller at the other end of a line that may be bad: its own program (`molt-controller-service`) over a model of its flash.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use ed25519_dalek::SigningKey;
use molt_controller_banks::model::{Model, Tear};
use molt_controller_banks::{layout, start};
use molt_controller_service::{Sensors, Service};
use molt_firmware::{Content, PublicKey, Refusal, prefix};
use molt_link::Sensor;
use molt_service::Code;

use crate::{CHUNK, Line};

const SEED: [u8; 32] = [7; 32];
/// Milliseconds until a controller that restarts is there again, and until one that hangs restarts.
pub const RESTART: u64 = 40;
const WATCHDOG: u64 = 700;

fn key() -> PublicKey {
    let key = SigningKey::from_bytes(&SEED).verifying_key();
    PublicKey::from_bytes(key.as_bytes()).unwrap()
}

/// A firmware with this version, signed with the key of this seed.
pub fn signed(version: u32, seed: [u8; 32]) -> &'static [u8] {
    let payload: Vec<u8> = (0..5000_u32).map(|n| (n * version) as u8).collect();
    let content = Content {
        version,
        counter: 1,
        load: layout::APPLICATION,
        entry: layout::APPLICATION,
        payload: &payload,
    };
    [&prefix(&content, &seed)[..], &payload].concat().leak()
}

/// A firmware with this version.
pub fn image(version: u32) -> &'static [u8] {
    signed(version, SEED)
}

/// What a firmware does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It restarts after so many milliseconds.
    Crashes(u64),
    /// It does nothing, from so many milliseconds after its start on.
    Hangs(u64),
    /// It gives this value for each sensor whose values show the firmware's version.
    Nonsense(i64),
    /// It says that it has no sensors.
    NoSensors,
}

/// The values that a firmware gives.
struct Values {
    version: u32,
    boots: u32,
    nonsense: Option<i64>,
    none: bool,
    /// How often a sensor was read.
    reads: u32,
}

impl Sensors for Values {
    fn read(&mut self, sensor: u8) -> Result<i64, Refusal> {
        let sensor = Sensor::from_number(sensor).filter(|_| !self.none);
        let sensor = sensor.ok_or(Refusal::Sensor)?;
        self.reads += 1;
        let shown = sensor.show(30_000, self.version);
        Ok(match (sensor, self.nonsense) {
            (Sensor::Boots, _) => self.boots.into(),
            (Sensor::Uptime, _) | (_, None) => shown,
            (_, Some(nonsense)) => nonsense,
        })
    }
}

/// The machine, its line, and the time.
pub struct World {
    pub now: u64,
    service: Option<Service<Model>>,
    values: Values,
    /// When it was started, or will be.
    since: u64,
    /// Its flash while it is not running.
    flash: Option<Model>,
    /// What the firmware of this version does wrong.
    pub fault: Option<(u32, Fault)>,
    pub starts: u32,
    /// The image that runs, as it is in the flash.
    pub image: Vec<u8>,
    /// In which operation of the flash after each start the power goes (0: in none), and how; the next start's is the last.
    pub cuts: Vec<(u32, Tear)>,
    to_controller: VecDeque<u8>,
    to_host: VecDeque<u8>,
    /// One byte in so many is garbled; 0: none.
    pub one_in: u32,
    /// One in so many is lost; 0: none.
    pub lost_in: u32,
    pub random: fastrand::Rng,
    /// Bytes that the host has sent.
    pub sent: usize,
    /// Nothing passes.
    pub cut: bool,
    /// The line's device fails.
    pub broken: bool,
    room: usize,
}

#[derive(Clone)]
pub struct Fake(pub Rc<RefCell<World>>);

impl Fake {
    /// A controller with these images in its banks, the first of which runs.
    pub fn new(images: &[&[u8]]) -> Self {
        let mut flash = Model::default();
        for (image, at) in images.iter().zip(layout::BANKS) {
            flash.put(at, image);
        }
        let mut world = World {
            now: 0,
            service: None,
            values: Values {
                version: 0,
                boots: 0,
                nonsense: None,
                none: false,
                reads: 0,
            },
            since: 0,
            flash: Some(flash),
            fault: None,
            starts: 0,
            image: Vec::new(),
            cuts: Vec::new(),
            to_controller: VecDeque::new(),
            to_host: VecDeque::new(),
            one_in: 0,
            lost_in: 0,
            random: fastrand::Rng::with_seed(1),
            sent: 0,
            cut: false,
            broken: false,
            room: 4096,
        };
        world.tick();
        Self(Rc::new(RefCell::new(world)))
    }

    /// The line through which bytes come from anywhere.
    pub fn arrive(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_host.extend(bytes);
    }
}

impl World {
    /// The version that runs.
    pub fn version(&self) -> u32 {
        self.values.version
    }

    /// When what runs was started.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// How often a sensor was read.
    pub fn reads(&self) -> u32 {
        self.values.reads
    }

    /// Switches the controller off and on again.
    pub fn power_cycle(&mut self) {
        if let Some(service) = self.service.take() {
            self.flash = Some(service.into_flash());
            self.since = self.now + RESTART;
            self.to_controller.clear();
        }
    }

    /// The boot loader decides, and the image is entered.
    fn start(&mut self) {
        let mut flash = self.flash.take().expect("a flash");
        flash.power_on(self.cuts.pop(), self.now);
        let start = start(&mut flash, &key());
        if flash.is_off() {
            self.flash = Some(flash);
            self.since = self.now + RESTART;
            return;
        }
        let start = start.unwrap();
        self.image = match start.run {
            None => Vec::new(),
            Some(run) => {
                let at = layout::BANKS[usize::from(run.bank)] as usize;
                flash.bytes()[at..][..run.header.image_length() as usize].to_vec()
            }
        };
        self.values.version = start.run.map_or(0, |run| run.header.version);
        self.values.boots = start.boots;
        self.starts += 1;
        self.since = self.now;
        self.service = Some(Service::new(flash, key(), &start).unwrap());
    }

    /// A millisecond.
    pub fn tick(&mut self) {
        self.now += 1;
        if self.service.is_none() && self.since <= self.now {
            self.start();
        }
        let age = self.now.saturating_sub(self.since);
        let fault = self
            .fault
            .filter(|(version, _)| *version == self.values.version);
        let fault = fault.map(|(_, fault)| fault);
        self.values.nonsense = match fault {
            Some(Fault::Nonsense(value)) => Some(value),
            _ => None,
        };
        self.values.none = fault == Some(Fault::NoSensors);
        let Some(mut service) = self.service.take() else {
            return;
        };
        let restarts = match fault {
            Some(Fault::Hangs(after)) if age >= after => {
                self.to_controller.clear();
                age >= after + WATCHDOG
            }
            Some(Fault::Crashes(after)) if age >= after => true,
            _ => {
                for byte in std::mem::take(&mut self.to_controller) {
                    service.receive(byte, &mut self.values);
                }
                service.step();
                let off = service.flash().is_off();
                // Without power it says nothing any more.
                while !off && let Some(byte) = service.transmit() {
                    let byte = self.carried(byte);
                    self.to_host.extend(byte);
                }
                off || service.restarts()
            }
        };
        self.service = Some(service);
        if restarts {
            self.power_cycle();
        }
    }

    /// What comes of a byte at the other end of the line.
    fn carried(&mut self, byte: u8) -> Option<u8> {
        let mut happens = |one_in| one_in > 0 && self.random.u32(0..one_in) == 0;
        let (garbled, lost) = (happens(self.one_in), happens(self.lost_in));
        let byte = byte ^ (u8::from(garbled) << self.random.u32(0..8));
        (!lost && !self.cut).then_some(byte)
    }
}

/// The line's device has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the line has failed")
    }
}

impl Code for Failed {
    fn code(&self) -> u64 {
        1
    }
}

impl Line for Fake {
    type Error = Failed;

    fn room(&mut self) -> Result<usize, Failed> {
        Ok(self.0.borrow().room)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let world = &mut *self.0.borrow_mut();
        assert!(bytes.len() <= world.room);
        world.sent += bytes.len();
        for byte in bytes {
            let byte = world.carried(*byte);
            world.to_controller.extend(byte);
        }
        Ok(())
    }

    fn receive(&mut self, to: &mut [u8; CHUNK]) -> Result<Option<usize>, Failed> {
        let world = &mut *self.0.borrow_mut();
        if world.broken {
            return Err(Failed);
        }
        let len = world.to_host.len().min(CHUNK);
        for (to, from) in to.iter_mut().zip(world.to_host.drain(..len)) {
            *to = from;
        }
        Ok((len > 0).then_some(len))
    }

    fn tell(&mut self) {}

    fn arm(&mut self, _room: bool) -> bool {
        !self.0.borrow().to_host.is_empty()
    }

    fn disarm(&mut self) {}

    fn interrupt(&mut self) -> Result<(), Failed> {
        Ok(())
    }
}
