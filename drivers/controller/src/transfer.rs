// SPDX-License-Identifier: BSD-2-Clause
//! The transfer of a firmware image into the bank of the controller that does not run, one request after the other.

use molt_firmware::Refusal;
use molt_link::{Answer, Broken, DATA, Request};

use crate::failure::Stopped;
use crate::firmware::Firmware;

/// What is asked for next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Whether the controller has the image already.
    Identify,
    Begin,
    /// The offset of the next bytes.
    Data(u32),
    Finish,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is a next request, at once.
    Further,
    /// There is one after a while.
    Later,
    /// The controller has the image, and has found it good.
    Whole,
}

/// How often a transfer begins anew that the controller does not know of any more, because it was started anew.
const ANEW: u8 = 3;

/// A transfer under way.
#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    firmware: Firmware<'a>,
    step: Step,
    anew: u8,
}

impl<'a> Transfer<'a> {
    /// At its start.
    pub fn new(firmware: Firmware<'a>) -> Self {
        Self {
            firmware,
            step: Step::Identify,
            anew: 0,
        }
    }

    /// What the controller is to be asked for.
    pub fn request(&self) -> Request<'a> {
        match self.step {
            Step::Identify => Request::Identify,
            Step::Begin => Request::Begin {
                length: self.firmware.length,
                digest: self.firmware.digest,
            },
            Step::Data(offset) => {
                let rest = self.firmware.bytes.get(offset as usize..);
                let rest = rest.unwrap_or_default();
                Request::Data {
                    offset,
                    bytes: rest.get(..DATA).unwrap_or(rest),
                }
            }
            Step::Finish => Request::Finish,
        }
    }

    /// Takes the answer to that.
    ///
    /// # Errors
    /// The transfer has failed.
    pub fn answered(&mut self, answer: Result<Answer, Broken>) -> Result<State, Stopped> {
        let firmware = &self.firmware;
        self.step = match (self.step, answer?) {
            (Step::Identify, Answer::Identity(identity)) => {
                let running = identity.running.map(|_| identity.digest);
                if [running, identity.other].contains(&Some(firmware.digest)) {
                    return Ok(State::Whole);
                }
                if firmware.length > identity.limit {
                    return Err(Stopped::Refused(Refusal::TooLarge));
                }
                Step::Begin
            }
            (Step::Begin, Answer::Accepted) => Step::Data(0),
            (Step::Data(offset), Answer::Received(next)) => {
                let sent = firmware.length.min(offset.saturating_add(DATA as u32));
                // It takes some of what was sent, or this would have no end.
                if next <= offset || next > sent {
                    return Err(Stopped::Answer);
                }
                match next == firmware.length {
                    true => Step::Finish,
                    false => Step::Data(next),
                }
            }
            (Step::Finish, Answer::Accepted) => return Ok(State::Whole),
            // It works on what came before.
            (_, Answer::Refused(Refusal::Busy)) => return Ok(State::Later),
            (_, Answer::Refused(Refusal::NoTransfer | Refusal::Offset)) if self.anew < ANEW => {
                self.anew += 1;
                Step::Begin
            }
            (_, Answer::Refused(refusal)) => return Err(Stopped::Refused(refusal)),
            _ => return Err(Stopped::Answer),
        };
        Ok(State::Further)
    }

    /// How far it is.
    pub fn per_mille(&self) -> u16 {
        match self.step {
            Step::Identify | Step::Begin => 0,
            Step::Data(offset) => {
                let done = u64::from(offset) * 1000 / u64::from(self.firmware.length.max(1));
                done.min(1000) as u16
            }
            Step::Finish => 1000,
        }
    }
}
