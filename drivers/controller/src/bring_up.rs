// SPDX-License-Identifier: BSD-2-Clause
//! Has the controller run the firmware that the generation was given, whatever it runs and holds before.

use molt_firmware::Refusal;
use molt_link::{Answer, Bank, Broken, Identity, Request};

use crate::failure::Stopped;
use crate::firmware::Firmware;
use crate::transfer::{self, Transfer};

/// What is asked for next.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    /// What runs.
    Identify,
    /// The transfer.
    Transfer(Transfer<'a>),
    /// The restart into this bank.
    Activate(Bank),
    /// What runs after the restart. Before it the controller had been started so often.
    Await(u32),
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum State {
    /// There is a next request, at once.
    Further,
    /// There is one after a while.
    Later,
    /// The controller runs what it is to run.
    Done(Identity),
}

/// Why it cannot be brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The controller refuses it.
    Refused(Refusal),
    /// It was started and has ended by itself: another firmware runs again.
    WentBack,
    /// The controller's answer was to something else.
    Answer,
}

/// The way there.
#[derive(Clone, Copy, Debug)]
pub struct BringUp<'a> {
    /// `None`: whatever runs will do.
    firmware: Option<Firmware<'a>>,
    step: Step<'a>,
    /// The bank that does not run, and how often the controller was started, as it last said.
    spare: Bank,
    boots: u32,
    /// The controller was made to end somebody else's trial.
    ended_trial: bool,
    /// The controller's bank to restart into was the other one than expected.
    other_bank: bool,
}

impl<'a> BringUp<'a> {
    /// At its start.
    pub fn new(firmware: Option<Firmware<'a>>) -> Self {
        Self {
            firmware,
            step: Step::Identify,
            spare: 0,
            boots: 0,
            ended_trial: false,
            other_bank: false,
        }
    }

    /// What the controller is to be asked for.
    pub fn request(&self) -> Request<'a> {
        match &self.step {
            Step::Identify | Step::Await(_) => Request::Identify,
            Step::Transfer(transfer) => transfer.request(),
            Step::Activate(bank) => Request::Activate { bank: *bank },
        }
    }

    /// Takes the answer to that.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn answered(&mut self, answer: Result<Answer, Broken>) -> Result<State, Failed> {
        match self.step {
            Step::Identify => match answer {
                Ok(Answer::Identity(identity)) => Ok(self.choose(identity)),
                Ok(answer) => self.again(answer),
                // It may be restarting.
                Err(Broken::Silent) => Ok(State::Further),
            },
            Step::Transfer(mut transfer) => {
                let state = transfer.answered(answer);
                self.step = Step::Transfer(transfer);
                match state {
                    Ok(transfer::State::Further) => {}
                    Ok(transfer::State::Later) => return Ok(State::Later),
                    Ok(transfer::State::Whole) => self.step = Step::Activate(self.spare),
                    // The other bank is what the controller goes back to after the trial: it is made to.
                    Err(Stopped::Refused(Refusal::Trial)) if !self.ended_trial => {
                        self.ended_trial = true;
                        self.step = Step::Activate(self.spare);
                    }
                    Err(Stopped::Refused(refusal)) => return Err(Failed::Refused(refusal)),
                    Err(Stopped::Answer) => return Err(Failed::Answer),
                    Err(Stopped::Silent) => self.step = Step::Identify,
                }
                Ok(State::Further)
            }
            Step::Activate(_) => match answer {
                // It may have restarted before its answer was sent.
                Ok(Answer::Accepted) | Err(Broken::Silent) => {
                    self.step = Step::Await(self.boots);
                    Ok(State::Further)
                }
                // Where only the boot loader runs, neither bank is the one that does not.
                Ok(Answer::Refused(Refusal::Bank)) if !self.other_bank => {
                    self.other_bank = true;
                    self.step = Step::Activate(1 - self.spare.min(1));
                    Ok(State::Further)
                }
                Ok(answer) => self.again(answer),
            },
            Step::Await(before) => match answer {
                Ok(Answer::Identity(identity)) => self.restarted(identity, before),
                Ok(answer) => self.again(answer),
                Err(Broken::Silent) => Ok(State::Further),
            },
        }
    }

    /// An answer that leads no further.
    fn again(&mut self, answer: Answer) -> Result<State, Failed> {
        match answer {
            Answer::Refused(Refusal::Busy) => Ok(State::Later),
            Answer::Refused(refusal) => Err(Failed::Refused(refusal)),
            _ => Err(Failed::Answer),
        }
    }

    /// What there is to do for a controller in this state.
    fn choose(&mut self, identity: Identity) -> State {
        if self.is_right(&identity) {
            return State::Done(identity);
        }
        self.spare = identity.running.map_or(0, |bank| 1 - bank.min(1));
        self.boots = identity.boots;
        self.step = match self.firmware {
            Some(firmware) if identity.other != Some(firmware.digest) => {
                Step::Transfer(Transfer::new(firmware))
            }
            Some(_) => Step::Activate(self.spare),
            // There is none to give it. It may be restarting.
            None => return State::Later,
        };
        State::Further
    }

    fn is_right(&self, identity: &Identity) -> bool {
        let wanted = self.firmware.map(|firmware| firmware.digest);
        identity.running.is_some() && wanted.is_none_or(|wanted| wanted == identity.digest)
    }

    /// The controller was to restart.
    fn restarted(&mut self, identity: Identity, before: u32) -> Result<State, Failed> {
        if self.is_right(&identity) {
            return Ok(State::Done(identity));
        }
        if identity.boots == before {
            // Not yet.
            return Ok(State::Later);
        }
        let wanted = self.firmware.map(|firmware| firmware.digest);
        if self.ended_trial && identity.other != wanted {
            // The trial has ended, and there is a bank for the image now.
            return Ok(self.choose(identity));
        }
        Err(Failed::WentBack)
    }
}
