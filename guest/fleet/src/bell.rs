// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell's side of an action: the offer, its confirm, and its end.

use molt_doorbell::port::{Device, Kind, State};
use molt_doorbell::{Reason, Status};
use molt_guest_client::print::{OfState, Output};
use molt_guest_client::{Front, Place, Session, Stream, Trouble as BellTrouble, choose, find_part};
use molt_guest_part::Part;
use molt_suit::{Envelope, Manifest};

use crate::machine::is_put_off;
use crate::record::{Words, words};

/// Opens the doorbell.
pub trait Bell {
    /// Its port.
    type Port: Stream;

    /// Begins a session; `None`: there is none, and why is printed.
    fn open(&mut self, output: &mut impl Output) -> Option<Session<Self::Port>>;
}

/// What has come of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has ended: well or not, and why.
    Ended(bool, Words),
    /// It can be made again later.
    PutOff(Words),
}

/// A session about one device.
pub struct Ringing<'r, S, P, O> {
    pub session: Session<S>,
    pub device: Device,
    pub place: &'r mut P,
    pub output: &'r mut O,
    /// The number of a bundle that may be committed already.
    pub maybe: Option<u64>,
}

/// The device that is meant.
pub fn device<S: Stream>(
    session: &mut Session<S>,
    wanted: Option<&str>,
) -> Result<Result<Device, Words>, BellTrouble> {
    let devices = session.devices()?;
    let chosen = choose(&devices, wanted).copied();
    Ok(chosen.map_err(|count| match wanted {
        Some(name) => words(format_args!(
            "this guest has no device '{name}' that it may update"
        )),
        None => words(format_args!(
            "this guest may update {count} devices, and which one is not said with --device"
        )),
    }))
}

/// The sequence number in a bundle, which nobody has vouched for; 0: it has none that can be read.
pub fn sequence(bundle: &[u8]) -> u64 {
    let envelope = Envelope::parse(bundle).ok();
    let manifest = envelope.and_then(|envelope| Manifest::parse(&envelope).ok());
    manifest.map_or(0, |manifest| manifest.sequence)
}

impl<S: Stream, P: Place, O: Output> Ringing<'_, S, P, O> {
    /// Offers a bundle, stores its part for the guest, and confirms; `confirming` is called with the handle just before.
    pub fn offer<E: From<BellTrouble>>(
        &mut self,
        bundle: &[u8],
        confirming: impl FnOnce(u64) -> Result<(), E>,
    ) -> Result<Outcome, E> {
        let part = match find_part(bundle).map(Part::decode).transpose() {
            Ok(part) => part,
            Err(malformed) => {
                let why = words(format_args!(
                    "the bundle's part for this guest: {malformed}"
                ));
                return Ok(Outcome::Ended(false, why));
            }
        };
        if let Some(part) = &part
            && let Err(refused) = self.place.policy().allows(part)
        {
            return Ok(Outcome::Ended(false, words(format_args!("{refused}"))));
        }
        let component = self.device.component.get();
        let state = self.session.offer(component, bundle)?;
        self.print(&state);
        if Status::from_u32(state.status.get()) != Some(Status::Offered) {
            return Ok(self.judge(&state));
        }
        let handle = state.handle.get();
        let mut front = part.map(Front::new);
        if let Some(front) = &mut front
            && let Err((step, obstacle)) = front.store(self.place, self.output)
        {
            let why = words(format_args!(
                "the bundle's part for this guest: {step}: {obstacle}"
            ));
            let state = self.session.decide(Kind::Cancel, component, handle)?;
            self.print(&state);
            return Ok(Outcome::Ended(false, why));
        }
        confirming(handle)?;
        let state = self.session.decide(Kind::Confirm, component, handle)?;
        Ok(self.follow(state, front)?)
    }

    /// Confirms an offer that an earlier program has made; its part for the guest was stored.
    pub fn confirm(&mut self, bundle: &[u8], handle: u64) -> Result<Outcome, BellTrouble> {
        let component = self.device.component.get();
        let state = self.session.decide(Kind::Confirm, component, handle)?;
        self.resume(bundle, state)
    }

    /// Follows an offer that an earlier program has confirmed.
    pub fn resume(&mut self, bundle: &[u8], state: State) -> Result<Outcome, BellTrouble> {
        self.follow(state, stored(bundle))
    }

    /// An offer of an earlier program is committed, or nothing has come of it.
    pub fn settle(&mut self, bundle: &[u8], committed: bool) {
        let Some(mut front) = stored(bundle) else {
            return;
        };
        match committed {
            true => front.keep(self.place, self.output),
            false => front.put_back(self.place, self.output),
        }
    }

    fn follow(
        &mut self,
        mut state: State,
        front: Option<Front<'_>>,
    ) -> Result<Outcome, BellTrouble> {
        // Where the doorbell is lost, nobody knows the end: the old files stay beside the new ones.
        while !has_ended(&state) {
            self.print(&state);
            state = self.session.news()?;
        }
        self.print(&state);
        let outcome = self.judge(&state);
        if let Some(mut front) = front {
            match outcome {
                Outcome::Ended(true, _) => front.keep(self.place, self.output),
                _ => front.put_back(self.place, self.output),
            }
        }
        Ok(outcome)
    }

    fn judge(&self, state: &State) -> Outcome {
        let status = Status::from_u32(state.status.get());
        let text = words(format_args!(
            "{}",
            OfState(state, self.device.name(), false)
        ));
        let reason = Reason::from_u32(state.reason.get());
        let is_maybe = self.maybe == Some(state.sequence.get());
        match status {
            Some(Status::Committed | Status::KeysExchanged) => Outcome::Ended(true, text),
            Some(Status::Refused) if reason == Some(Reason::OldSequence) && is_maybe => {
                let (name, number) = (self.device.name(), state.sequence.get());
                let text = format_args!(
                    "{name}: committed (sequence {number}), before the machine was started anew"
                );
                Outcome::Ended(true, words(text))
            }
            Some(Status::Refused) if is_put_off(reason) => Outcome::PutOff(text),
            _ => Outcome::Ended(false, text),
        }
    }

    fn print(&mut self, state: &State) {
        let state = OfState(state, self.device.name(), false);
        self.output.line(format_args!("{state}"));
    }
}

/// The part of a bundle that was stored before; it was readable then.
fn stored(bundle: &[u8]) -> Option<Front<'_>> {
    let part = find_part(bundle)?;
    Part::decode(part).ok().map(Front::stored)
}

/// Also where a command was refused and a transaction goes on, or in a state of a later version.
fn has_ended(state: &State) -> bool {
    let status = Status::from_u32(state.status.get());
    status.is_none_or(|status| status.is_final() || status == Status::Idle)
        || Reason::from_u32(state.reason.get()) != Some(Reason::None)
}
