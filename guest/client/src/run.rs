// SPDX-License-Identifier: BSD-2-Clause
//! Carries a command out.

use molt_doorbell::port::{self, Device, Fault, Kind, State};
use molt_doorbell::{Reason, Status};
use molt_guest_part::{Malformed, Part};

use crate::command::{Command, Options};
use crate::exit::Exit;
use crate::part::{self, Front, Place};
use crate::print::{OfDeferral, OfDeferrer, OfDevice, OfEntry, OfState, Output, Quoted};
use crate::session::{Session, Stream, Trouble};

/// Carries a command out over a session; `bundle` is what [`Command::Offer`] offers, and `place` where its part for the guest is stored.
pub fn run<S: Stream>(
    session: &mut Session<S>,
    command: Command<'_>,
    options: &Options<'_>,
    bundle: &[u8],
    place: &mut impl Place,
    output: &mut impl Output,
) -> Exit {
    let mut work = Work {
        session,
        devices: heapless::Vec::new(),
        options,
        place,
        output,
    };
    let done = work.carry_out(command, bundle);
    done.unwrap_or_else(|error| work.fail(&error))
}

/// Why a command has not been carried out.
enum Failure<'a> {
    Trouble(Trouble),
    /// The guest has no such device, or may not do this to it.
    NoDevice(&'a str, Deed),
    /// It has to be said which: the guest may do this to so many.
    Which(usize, Deed),
    /// The bundle's part for the guest cannot be read.
    Part(Malformed),
    /// The update's end has to be seen, because the bundle has a part for the guest.
    Unseen,
}

/// What a guest may do to a device: the flag of a [`Device`], and the words.
#[derive(Clone, Copy)]
struct Deed(u32, &'static str);

const UPDATE: Deed = Deed(Device::MAY_UPDATE, "update");
const DEFER: Deed = Deed(Device::MAY_DEFER, "defer updates of");

impl From<Trouble> for Failure<'_> {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

struct Work<'w, S, P, O> {
    session: &'w mut Session<S>,
    devices: heapless::Vec<Device, { port::DEVICES }>,
    options: &'w Options<'w>,
    place: &'w mut P,
    output: &'w mut O,
}

impl<'w, S: Stream, P: Place, O: Output> Work<'w, S, P, O> {
    fn carry_out(&mut self, command: Command<'_>, bundle: &[u8]) -> Result<Exit, Failure<'w>> {
        self.devices = self.session.devices()?;
        match command {
            // The program does these without a session, or opens it only now and then.
            Command::Help | Command::Poll(_) | Command::Unplug(_) | Command::Plug => {}
            Command::Devices => {
                for device in &self.devices {
                    let device = OfDevice(device, self.options.json);
                    self.output.line(format_args!("{device}"));
                }
            }
            Command::Offer(_) => return self.offer(bundle),
            Command::Confirm(handle) => {
                let (component, handle) = self.handle(handle)?;
                return self.confirm(component, handle);
            }
            Command::Cancel(handle) => {
                let (component, handle) = self.handle(handle)?;
                let state = self.session.decide(Kind::Cancel, component, handle)?;
                self.print(&state)?;
                // An offer that was taken back ends as a refused one.
                let reason = Reason::from_u32(state.reason.get());
                return Ok(match reason {
                    Some(Reason::Cancelled) => Exit::Done,
                    _ => Exit::Refused,
                });
            }
            Command::Status => {
                let state = self.session.state()?;
                if self.options.follow {
                    return self.follow(state, true);
                }
                self.print(&state)?;
            }
            Command::Log => {
                for entry in &self.session.log()? {
                    let name = name(&self.devices, entry.component.get());
                    let entry = OfEntry(entry, name, self.options.json);
                    self.output.line(format_args!("{entry}"));
                }
            }
            Command::Defer(ms) => {
                let component = self.component(DEFER)?;
                let most = self.session.defer(component, ms)?;
                let name = name(&self.devices, component);
                let deferral = OfDeferral(name, ms, most, self.options.json);
                self.output.line(format_args!("{deferral}"));
            }
            Command::Forgive => {
                let component = self.component(UPDATE)?;
                let state = self.session.forgive(component)?;
                self.print(&state)?;
                let refused = Status::from_u32(state.status.get()) == Some(Status::Refused);
                let denied = [Reason::NotAllowed, Reason::Fenced];
                let reason = Reason::from_u32(state.reason.get());
                if refused && reason.is_some_and(|reason| denied.contains(&reason)) {
                    return Ok(Exit::Refused);
                }
            }
        }
        Ok(Exit::Done)
    }

    fn offer(&mut self, bundle: &[u8]) -> Result<Exit, Failure<'w>> {
        let component = self.component(UPDATE)?;
        let part = part::find(bundle).map(Part::decode).transpose();
        let part = part.map_err(Failure::Part)?;
        if let Some(part) = &part {
            if self.options.no_confirm || self.options.no_wait {
                return Err(Failure::Unseen);
            }
            if let Err(refused) = self.place.policy().allows(part) {
                self.tell("part-not-allowed", format_args!("{refused}"));
                return Ok(Exit::Part);
            }
        }
        let state = self.session.offer(component, bundle)?;
        self.print(&state)?;
        let offered = Status::from_u32(state.status.get()) == Some(Status::Offered);
        if !offered || self.options.no_confirm {
            return Ok(outcome(&state).unwrap_or(Exit::Done));
        }
        let handle = state.handle.get();
        match part {
            Some(part) => self.offer_with_part(component, handle, part),
            None => self.confirm(component, handle),
        }
    }

    fn confirm(&mut self, component: u32, handle: u64) -> Result<Exit, Failure<'w>> {
        let state = self.session.decide(Kind::Confirm, component, handle)?;
        self.follow(state, !self.options.no_wait)
    }

    /// The guest's side of the update first, and then the device's; if either fails, both are as they were.
    fn offer_with_part(
        &mut self,
        component: u32,
        handle: u64,
        part: Part<'_>,
    ) -> Result<Exit, Failure<'w>> {
        let mut front = Front::new(part);
        if let Err((step, obstacle)) = front.store(self.place, self.output) {
            let state = self.session.decide(Kind::Cancel, component, handle)?;
            self.print(&state)?;
            self.tell("part-not-stored", format_args!("{step}: {obstacle}"));
            return Ok(Exit::Part);
        }
        // Where the doorbell is lost, nobody knows the end: the old files stay beside the new ones.
        let exit = self.confirm(component, handle)?;
        match exit {
            Exit::Done => front.keep(self.place, self.output),
            _ => front.put_back(self.place, self.output),
        }
        Ok(exit)
    }

    /// Tells why nothing was updated.
    fn tell(&mut self, word: &str, text: core::fmt::Arguments<'_>) {
        let word = Quoted(word);
        match self.options.json {
            true => self.output.line(format_args!("{{\"error\":{word}}}")),
            false => self.output.line(format_args!("error: {text}")),
        }
    }

    /// Prints the state, and if `waits` every one that follows until the end.
    fn follow(&mut self, mut state: State, waits: bool) -> Result<Exit, Failure<'w>> {
        loop {
            self.print(&state)?;
            match outcome(&state) {
                Some(exit) => return Ok(exit),
                None if !waits => return Ok(Exit::Done),
                None => state = self.session.news()?,
            }
        }
    }

    /// The component that is meant.
    fn component(&self, deed: Deed) -> Result<u32, Failure<'w>> {
        let device = choose_for(deed.0, &self.devices, self.options.device);
        let device = device.map_err(|count| match self.options.device {
            Some(wanted) => Failure::NoDevice(wanted, deed),
            None => Failure::Which(count, deed),
        });
        device.map(|device| device.component.get())
    }

    /// The component and the handle of the offer.
    fn handle(&mut self, given: Option<u64>) -> Result<(u32, u64), Failure<'w>> {
        let state = self.session.state()?;
        let handle = given.unwrap_or(state.handle.get());
        Ok((state.component.get(), handle))
    }

    /// Prints a state; of an update that is deferred, also by whom.
    fn print(&mut self, state: &State) -> Result<(), Failure<'w>> {
        let name = name(&self.devices, state.component.get());
        let deferred = Status::from_u32(state.status.get()) == Some(Status::Deferred);
        let state = OfState(state, name, self.options.json);
        self.output.line(format_args!("{state}"));
        if deferred {
            let deferrer = self.session.deferrer()?;
            let deferrer = OfDeferrer(&deferrer, name, self.options.json);
            self.output.line(format_args!("{deferrer}"));
        }
        Ok(())
    }

    fn fail(&mut self, failure: &Failure<'_>) -> Exit {
        let (word, exit) = match failure {
            Failure::Trouble(Trouble::Fault(fault)) if is_refusal(*fault) => {
                (fault.word(), Exit::Refused)
            }
            Failure::Trouble(Trouble::Fault(fault)) => (fault.word(), Exit::Doorbell),
            Failure::Trouble(_) => ("doorbell", Exit::Doorbell),
            Failure::NoDevice(..) | Failure::Which(..) => ("device", Exit::Usage),
            Failure::Part(_) => ("part", Exit::Part),
            Failure::Unseen => ("part", Exit::Usage),
        };
        if self.options.json {
            let word = Quoted(word);
            self.output.line(format_args!("{{\"error\":{word}}}"));
            return exit;
        }
        match failure {
            Failure::Trouble(Trouble::Fault(fault)) if is_refusal(*fault) => {
                let text = fault.text();
                self.output.line(format_args!("refused: {text}"));
            }
            Failure::Trouble(trouble) => self.output.line(format_args!("error: {trouble}")),
            Failure::NoDevice(wanted, Deed(_, deed)) => self.output.line(format_args!(
                "error: there is no device '{wanted}' that this guest may {deed}; 'molt-guest devices' lists them"
            )),
            Failure::Part(malformed) => self
                .output
                .line(format_args!("error: the bundle's part for this guest: {malformed}")),
            Failure::Unseen => self.output.line(format_args!(
                "error: the bundle has a part for this guest, which has to see the update's end: without --no-confirm and --no-wait"
            )),
            Failure::Which(0, Deed(_, deed)) => self
                .output
                .line(format_args!("error: this guest may not {deed} any device")),
            Failure::Which(count, Deed(_, deed)) => self.output.line(format_args!(
                "error: this guest may {deed} {count} devices: say which with --device"
            )),
        }
        exit
    }
}

/// The device that is meant, by its name or its component's number: without one, the only device that the guest may update.
///
/// # Errors
/// There is none; without a name: so many may be updated.
pub fn choose<'d>(devices: &'d [Device], wanted: Option<&str>) -> Result<&'d Device, usize> {
    choose_for(Device::MAY_UPDATE, devices, wanted)
}

/// The same for another flag than that of updates.
fn choose_for<'d>(
    flag: u32,
    devices: &'d [Device],
    wanted: Option<&str>,
) -> Result<&'d Device, usize> {
    let may = |device: &&Device| device.flags.get() & flag != 0;
    let mut devices = devices.iter().filter(may);
    if let Some(wanted) = wanted {
        let number = wanted.parse().ok();
        let is =
            |device: &&Device| device.name() == wanted || number == Some(device.component.get());
        return devices.find(is).ok_or(0);
    }
    match (devices.next(), devices.count()) {
        (Some(device), 0) => Ok(device),
        (first, others) => Err(others + usize::from(first.is_some())),
    }
}

/// Whether a command that ends so was refused, and is not wrong.
fn is_refusal(fault: Fault) -> bool {
    matches!(fault, Fault::Busy | Fault::NotAllowed | Fault::TooLate)
}

/// The exit code, if the transaction has ended or the command was refused.
fn outcome(state: &State) -> Option<Exit> {
    let status = Status::from_u32(state.status.get());
    let reason = Reason::from_u32(state.reason.get());
    match status {
        // A state of a later version.
        None => Some(Exit::Doorbell),
        Some(Status::Idle) => Some(Exit::Done),
        Some(status) if status.is_final() => Some(Exit::of(status)),
        // The command was refused, and the transaction goes on.
        Some(_) if reason != Some(Reason::None) => Some(Exit::Refused),
        Some(_) => None,
    }
}

fn name(devices: &[Device], component: u32) -> &str {
    let mut devices = devices.iter();
    let device = devices.find(|device| device.component.get() == component);
    device.map_or("?", Device::name)
}
