// SPDX-License-Identifier: BSD-2-Clause
//! Requests and their answers.

use core::mem;

use molt_controller_banks::{
    Examination, Fault, Flash, Log, Run, Start, activate, begin, confirm, layout,
};
use molt_firmware::{Digest, PublicKey, Refusal};
use molt_link::{Answer, Device, Id, Identity, Request, State};

use crate::other::{Other, Waiting};

/// The machine's sensors.
pub trait Sensors {
    /// The value of a sensor.
    ///
    /// # Errors
    /// There is no such sensor, or no firmware to read it.
    fn read(&mut self, sensor: u8) -> Result<i64, Refusal>;
}

/// A controller's side of the line.
#[derive(Debug)]
pub struct Service<F> {
    device: Device,
    flash: F,
    log: Log,
    key: PublicKey,
    running: Option<Run>,
    boots: u32,
    other: Other,
    identifies: Waiting,
    finishes: Waiting,
    restart: bool,
}

impl<F: Flash> Service<F> {
    /// For what the start has decided.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn new(mut flash: F, key: PublicKey, start: &Start) -> Result<Self, Fault> {
        let log = Log::open(&mut flash)?;
        Ok(Self {
            device: Device::new(),
            flash,
            log,
            key,
            running: start.run,
            boots: start.boots,
            other: Other::Unknown,
            identifies: Waiting::default(),
            finishes: Waiting::default(),
            restart: false,
        })
    }

    /// Takes a byte from the line.
    pub fn receive(&mut self, byte: u8, sensors: &mut impl Sensors) {
        // Nothing is begun any more that the restart would cut off.
        if self.restart {
            return;
        }
        let Some(received) = self.device.receive(byte) else {
            return;
        };
        let id = received.id;
        let answer = match received.request {
            Request::Data { offset, bytes } => match &mut self.other {
                Other::Receiving(transfer) => {
                    let next = transfer.data(&mut self.flash, offset, bytes);
                    Some(next.map_or_else(Answer::Refused, Answer::Received))
                }
                _ => Some(Answer::Refused(Refusal::NoTransfer)),
            },
            Request::Read { sensor } => {
                let value = sensors.read(sensor);
                Some(value.map_or_else(Answer::Refused, Answer::Value))
            }
            Request::Identify => self.identify(id),
            Request::Begin { length, digest } => Some(done(self.begin(length, digest))),
            Request::Finish => self.finish(id),
            Request::Activate { bank } => Some(done(self.activate(bank))),
            Request::Confirm { digest } => Some(done(self.confirm(digest))),
        };
        if let Some(answer) = answer {
            self.device.answer(id, &answer);
        }
    }

    /// The next byte for the line.
    pub fn transmit(&mut self) -> Option<u8> {
        self.device.transmit()
    }

    /// Whether bytes wait to be sent.
    #[must_use]
    pub fn sends(&self) -> bool {
        !self.device.is_idle()
    }

    /// Does a piece of what is under way. Returns whether there is more.
    pub fn step(&mut self) -> bool {
        let (Other::Examined(examination) | Other::Checked(examination, _)) = &mut self.other
        else {
            return false;
        };
        let failed = match examination.step(&mut self.flash) {
            Ok(true) => return true,
            Ok(false) => None,
            Err(refusal) => Some(refusal),
        };
        let examined = mem::replace(&mut self.other, Other::Unknown);
        self.other = examined.ended(failed, &self.key);
        if let Other::Received(result) = self.other {
            while let Some(id) = self.finishes.take() {
                self.device.answer(id, &done(result.map(drop)));
            }
        }
        while let Some(id) = self.identifies.take() {
            if let Some(answer) = self.identify(id) {
                self.device.answer(id, &answer);
            }
        }
        false
    }

    /// Whether the controller is to restart now: it was told to, and has said that it will.
    #[must_use]
    pub fn restarts(&self) -> bool {
        self.restart && self.device.is_idle()
    }

    /// The flash.
    pub fn flash(&self) -> &F {
        &self.flash
    }

    /// The flash, at the end.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// The answer, or none yet: the other bank is examined for it.
    fn identify(&mut self, id: Id) -> Option<Answer> {
        if matches!(self.other, Other::Unknown) {
            let (spare, counter) = (self.spare(), self.log.record().counter);
            self.other = match Examination::begin(&mut self.flash, spare, counter) {
                Ok(examination) => Other::Examined(examination),
                Err(_) => Other::Known(None),
            };
        }
        let Some(other) = self.other.digest() else {
            self.identifies.add(id);
            return None;
        };
        let record = self.log.record();
        let header = self.running.map(|run| run.header);
        let trial = self.running.is_some_and(|run| run.trial) && record.trial.is_some();
        Some(Answer::Identity(Identity {
            running: self.running.map(|run| run.bank),
            digest: header.map(|header| header.digest()).unwrap_or_default(),
            version: header.map_or(0, |header| header.version),
            state: if trial {
                State::Trial
            } else {
                State::Confirmed
            },
            other,
            limit: layout::BANK,
            counter: record.counter,
            boots: self.boots,
        }))
    }

    /// The bank that does not run. Without one that runs, the one that a transfer goes to.
    fn spare(&self) -> u8 {
        let running = self.running.map(|run| run.bank);
        1 - running.or(self.log.record().confirmed).unwrap_or(1).min(1)
    }

    fn begin(&mut self, length: u32, digest: Digest) -> Result<(), Refusal> {
        let running = self.running.map(|run| run.bank);
        // The one that is under way is given up, and what waits for its end is asked again.
        self.finishes = Waiting::default();
        self.other = Other::Receiving(begin(&self.log, running, length, digest)?);
        Ok(())
    }

    fn finish(&mut self, id: Id) -> Option<Answer> {
        match &self.other {
            Other::Receiving(transfer) => {
                if !transfer.is_complete() {
                    return Some(Answer::Refused(Refusal::Length));
                }
                let (bank, announced) = (transfer.bank(), transfer.digest());
                let counter = self.log.record().counter;
                match Examination::begin(&mut self.flash, bank, counter) {
                    Ok(examination) => self.other = Other::Checked(examination, announced),
                    Err(refusal) => {
                        self.other = Other::Received(Err(refusal));
                        return Some(Answer::Refused(refusal));
                    }
                }
                self.finishes.add(id);
                None
            }
            Other::Checked(..) => {
                self.finishes.add(id);
                None
            }
            // The answer was lost.
            Other::Received(result) => Some(done(result.map(drop))),
            _ => Some(Answer::Refused(Refusal::NoTransfer)),
        }
    }

    fn activate(&mut self, bank: u8) -> Result<(), Refusal> {
        if self.running.is_some_and(|run| run.bank == bank) {
            return Ok(());
        }
        activate(&mut self.flash, &mut self.log, bank, &self.key)?;
        self.restart = true;
        Ok(())
    }

    fn confirm(&mut self, digest: Digest) -> Result<(), Refusal> {
        let running = self.running.ok_or(Refusal::NoFirmware)?;
        if running.header.digest() != digest {
            return Err(Refusal::Announced);
        }
        confirm(&mut self.flash, &mut self.log, &running)
    }
}

fn done(result: Result<(), Refusal>) -> Answer {
    result.map_or_else(Answer::Refused, |()| Answer::Accepted)
}
