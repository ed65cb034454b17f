// SPDX-License-Identifier: BSD-2-Clause
//! Updates by the host's end of the line against a controller with a model of the flash: on good and bad lines, and with the
//! power going at any operation.

use std::collections::VecDeque;

use molt_controller_banks::model::{Model, Tear};
use molt_controller_banks::{Start, layout, start};
use molt_controller_service::{Sensors, Service};
use molt_firmware::{Content, Digest, PublicKey, Refusal, parse, prefix};
use molt_link::{Answer, Host, Identity, Request, State, Timing};

const SEED: [u8; 32] = [7; 32];

fn key() -> PublicKey {
    let key = ed25519_dalek::SigningKey::from_bytes(&SEED);
    PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap()
}

fn image(version: u32, seed: &[u8; 32]) -> Vec<u8> {
    let payload: Vec<u8> = (0..6000_u32).map(|n| (n * version) as u8).collect();
    let content = Content {
        version,
        counter: 1,
        load: layout::APPLICATION,
        entry: layout::APPLICATION,
        payload: &payload,
    };
    [&prefix(&content, seed)[..], &payload].concat()
}

fn digest(image: &[u8]) -> Digest {
    parse(image).unwrap().digest()
}

/// Each value is the version of what runs.
struct Version(i64);

impl Sensors for Version {
    fn read(&mut self, sensor: u8) -> Result<i64, Refusal> {
        match sensor {
            0 => Ok(self.0),
            _ => Err(Refusal::Sensor),
        }
    }
}

/// A controller, which restarts when it is told to.
struct Controller {
    service: Service<Model>,
    version: Version,
    starts: u32,
}

impl Controller {
    fn new(flash: Model) -> Self {
        Self::started(flash).expect("no cut yet")
    }

    /// None if the power goes during the start.
    fn started(mut flash: Model) -> Result<Self, Model> {
        let start: Start = match start(&mut flash, &key()) {
            Ok(start) if !flash.is_off() => start,
            _ => return Err(flash),
        };
        let version = start.run.map_or(0, |run| run.header.version.into());
        Ok(Self {
            service: Service::new(flash.clone(), key(), &start).unwrap(),
            version: Version(version),
            starts: start.boots,
        })
    }
}

/// A host with a controller at the other end of a line.
struct Bench {
    host: Host,
    controller: Option<Controller>,
    line: VecDeque<u8>,
    faults: fastrand::Rng,
    one_in: u32,
    now: u64,
    cuts: u32,
}

impl Bench {
    fn new(one_in: u32, seed: u64) -> Self {
        let mut flash = Model::default();
        flash.put(layout::BANKS[0], &image(1, &SEED));
        Self::with(flash, one_in, seed)
    }

    fn with(flash: Model, one_in: u32, seed: u64) -> Self {
        Self {
            host: Host::new(seed as u16, Timing::default()),
            controller: Some(Controller::new(flash)),
            line: VecDeque::new(),
            faults: fastrand::Rng::with_seed(seed),
            one_in,
            now: 0,
            cuts: 0,
        }
    }

    fn garbled(&mut self, byte: u8) -> u8 {
        let garbled = self.one_in > 0 && self.faults.u32(0..self.one_in) == 0;
        byte ^ (u8::from(garbled) << self.faults.u32(0..8))
    }

    /// A millisecond.
    fn tick(&mut self) {
        self.now += 1;
        let mut buffer = [0; 12];
        let count = self.host.transmit(self.now, &mut buffer);
        for byte in &buffer[..count] {
            let byte = self.garbled(*byte);
            self.line.push_back(byte);
        }
        let Some(mut controller) = self.controller.take() else {
            return;
        };
        for byte in std::mem::take(&mut self.line) {
            controller.service.receive(byte, &mut controller.version);
        }
        controller.service.step();
        // Without power it says nothing any more.
        let off = controller.service.flash().is_off();
        while !off && let Some(byte) = controller.service.transmit() {
            let byte = self.garbled(byte);
            self.host.receive(&[byte], self.now);
        }
        if !off && !controller.service.restarts() {
            self.controller = Some(controller);
            return;
        }
        let mut flash = controller.service.into_flash();
        if off {
            self.cuts += 1;
            flash.power_on(None, self.now);
        }
        self.controller = Some(match Controller::started(flash) {
            Ok(started) => {
                assert!(started.starts > controller.starts);
                started
            }
            Err(mut flash) => {
                self.cuts += 1;
                flash.power_on(None, self.now);
                Controller::new(flash)
            }
        });
    }

    /// Asks, and reads a sensor at the same time, whose value must be one of `versions`.
    fn ask(&mut self, request: &Request<'_>, versions: &[i64]) -> Option<Answer> {
        let read = Request::Read { sensor: 0 };
        let asked = self.host.submit(request, self.now).unwrap();
        let read = self.host.submit(&read, self.now).unwrap();
        let mut answers = [None, None];
        while answers.contains(&None) {
            self.tick();
            while let Some((ticket, answer)) = self.host.poll(self.now) {
                answers[usize::from(ticket == read)] = Some(answer.ok());
                assert!(ticket == read || ticket == asked);
            }
        }
        if let [_, Some(Some(value))] = answers {
            let given = matches!(value, Answer::Value(value) if versions.contains(&value));
            assert!(given, "{value:?}");
        }
        answers[0].flatten()
    }

    fn identify(&mut self, versions: &[i64]) -> Identity {
        loop {
            match self.ask(&Request::Identify, versions) {
                Some(Answer::Identity(identity)) => return identity,
                None => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// One attempt to have this image run, without its confirmation.
    fn attempt(&mut self, image: &[u8], versions: &[i64]) -> Result<(), Option<Refusal>> {
        let wanted = digest(image);
        let identity = self.identify(versions);
        if identity.digest == wanted {
            return Ok(());
        }
        if identity.other != Some(wanted) {
            let length = image.len() as u32;
            let digest = wanted;
            accepted(self.ask(&Request::Begin { length, digest }, versions))?;
            for (n, bytes) in image.chunks(256).enumerate() {
                let offset = n as u32 * 256;
                match self.ask(&Request::Data { offset, bytes }, versions) {
                    Some(Answer::Received(next)) if next == offset + bytes.len() as u32 => {}
                    answer => accepted(answer)?,
                }
            }
            accepted(self.ask(&Request::Finish, versions))?;
        }
        let bank = 1 - identity.running.unwrap_or(1);
        // The sensor may be read before the restart or after it.
        let next = i64::from(parse(image).unwrap().header().version);
        let versions = [versions, &[next]].concat();
        accepted(self.ask(&Request::Activate { bank }, &versions))?;
        Err(None)
    }

    /// Attempts until the image runs and is confirmed.
    fn update(&mut self, image: &[u8], versions: &[i64]) -> Identity {
        let digest = digest(image);
        let confirm = Request::Confirm { digest };
        for _ in 0..20 {
            if self.attempt(image, versions).is_ok()
                && self.ask(&confirm, versions) == Some(Answer::Accepted)
            {
                return self.identify(versions);
            }
        }
        panic!("no end");
    }
}

fn accepted(answer: Option<Answer>) -> Result<(), Option<Refusal>> {
    match answer {
        Some(Answer::Accepted) => Ok(()),
        Some(Answer::Refused(refusal)) => Err(Some(refusal)),
        _ => Err(None),
    }
}

#[test]
fn on_a_good_line_an_update_takes_one_attempt() {
    let mut bench = Bench::new(0, 1);
    let new = image(2, &SEED);
    assert_eq!(bench.attempt(&new, &[1]), Err(None));
    let trial = bench.identify(&[2]);
    assert_eq!((trial.running, trial.version), (Some(1), 2));
    assert_eq!((trial.state, trial.digest), (State::Trial, digest(&new)));
    assert_eq!(trial.other, Some(digest(&image(1, &SEED))));
    let activated = bench.ask(&Request::Activate { bank: 1 }, &[2]);
    assert_eq!(activated, Some(Answer::Accepted));
    let digest = digest(&image(1, &SEED));
    let other = bench.ask(&Request::Confirm { digest }, &[2]);
    assert_eq!(other, Some(Answer::Refused(Refusal::Announced)));
    let digest = trial.digest;
    let confirmed = bench.ask(&Request::Confirm { digest }, &[2]);
    assert_eq!(confirmed, Some(Answer::Accepted));
    let identity = bench.identify(&[2]);
    assert_eq!((identity.state, identity.boots), (State::Confirmed, 2));
}

#[test]
fn a_rollback_needs_no_transfer() {
    let mut bench = Bench::new(0, 1);
    bench.attempt(&image(2, &SEED), &[1]).unwrap_err();
    assert_eq!(bench.identify(&[2]).version, 2);
    bench.attempt(&image(1, &SEED), &[2]).unwrap_err();
    let identity = bench.identify(&[1]);
    assert_eq!((identity.version, identity.state), (1, State::Confirmed));
}

#[test]
fn what_is_not_signed_by_the_key_is_refused_and_what_runs_goes_on() {
    let mut bench = Bench::new(0, 1);
    let foreign = bench.attempt(&image(2, &[9; 32]), &[1]);
    assert_eq!(foreign, Err(Some(Refusal::Signature)));
    // The answer may be lost: it stays the same.
    let again = bench.ask(&Request::Finish, &[1]);
    assert_eq!(again, Some(Answer::Refused(Refusal::Signature)));
    let activated = bench.ask(&Request::Activate { bank: 1 }, &[1]);
    assert_eq!(activated, Some(Answer::Refused(Refusal::Bank)));
    let identity = bench.identify(&[1]);
    assert_eq!((identity.version, identity.other), (1, None));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let mut bench = Bench::new(0, 1);
    let mut refused = |request| match bench.ask(&request, &[1]) {
        Some(Answer::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let bytes = &[1; 4];
    assert_eq!(refused(Request::Read { sensor: 9 }), Refusal::Sensor);
    assert_eq!(refused(Request::Finish), Refusal::NoTransfer);
    let data = Request::Data { offset: 0, bytes };
    assert_eq!(refused(data), Refusal::NoTransfer);
    assert_eq!(refused(Request::Activate { bank: 1 }), Refusal::Bank);
    assert_eq!(refused(Request::Activate { bank: 2 }), Refusal::Bank);
    let begin = |length| Request::Begin {
        length,
        digest: Digest::default(),
    };
    assert_eq!(refused(begin(u32::MAX)), Refusal::TooLarge);
    assert_eq!(refused(begin(1)), Refusal::Length);
    let new = image(2, &SEED);
    let length = new.len() as u32;
    let mut bench = Bench::new(0, 1);
    accepted(bench.ask(&begin(length), &[1])).unwrap();
    let early = bench.ask(&Request::Finish, &[1]);
    assert_eq!(early, Some(Answer::Refused(Refusal::Length)));
    for (n, bytes) in new.chunks(256).enumerate() {
        let offset = n as u32 * 256;
        bench.ask(&Request::Data { offset, bytes }, &[1]);
    }
    let other = bench.ask(&Request::Finish, &[1]);
    assert_eq!(other, Some(Answer::Refused(Refusal::Announced)));
}

#[test]
fn on_a_bad_line_updates_go_through() {
    for seed in 0..20 {
        let mut bench = Bench::new(2_000, seed);
        let identity = bench.update(&image(2, &SEED), &[1, 2]);
        assert_eq!(identity.state, State::Confirmed, "seed {seed}");
        assert_eq!(bench.update(&image(1, &SEED), &[1, 2]).version, 1);
    }
}

#[test]
fn wherever_the_power_goes_the_host_can_finish_the_update() {
    let mut flash = Model::default();
    flash.put(layout::BANKS[0], &image(1, &SEED));
    let mut cuts = 0;
    for at in 1..60 {
        for tear in Tear::ALL {
            let mut flash = flash.clone();
            // The first start is not cut: the host would see nothing.
            start(&mut flash, &key()).unwrap();
            flash.power_on(Some((at + 1, tear)), u64::from(at));
            let mut bench = Bench::with(flash, 0, u64::from(at));
            let identity = bench.update(&image(2, &SEED), &[1, 2]);
            assert_eq!((identity.version, identity.state), (2, State::Confirmed));
            cuts += bench.cuts;
        }
    }
    assert!(cuts > 100, "{cuts}");
}

#[test]
fn a_controller_without_firmware_takes_one() {
    let mut bench = Bench::with(Model::default(), 0, 1);
    let identity = bench.identify(&[0]);
    assert_eq!((identity.running, identity.version), (None, 0));
    let confirm = Request::Confirm {
        digest: Digest::default(),
    };
    assert_eq!(
        bench.ask(&confirm, &[0]),
        Some(Answer::Refused(Refusal::NoFirmware))
    );
    let identity = bench.update(&image(1, &SEED), &[0, 1]);
    assert_eq!(
        (identity.running, identity.state),
        (Some(0), State::Confirmed)
    );
}
