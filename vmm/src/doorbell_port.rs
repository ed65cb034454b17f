// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell on a port: the protocol of `molt_doorbell::port`, over the mailbox to `update`.
//!
//! The VMM decides nothing about an offer. It puts the bundle's bytes into the staging region as they come and passes the
//! command on; `update` and `stage` check. While a command is at `update`, or an answer has not been read, no more is taken
//! from the guest, so that one command and one answer is all that is ever kept of it.

use alloc::rc::Rc;

use molt_doorbell::port::{self, Device, Entry, Fault, Handle, Header, Hello, Kind, State, Target};
use molt_doorbell::{Answer, Command, Status};
use molt_shared::Memory;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::bus::World;
use crate::deferral::Deferral;
use crate::mailbox::Mailbox;
use crate::virtio::port::Port;

/// Header and body of the longest command, without a bundle.
const COMMAND: usize = size_of::<Header>() + size_of::<Handle>();

/// A component that the guest uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its index in the plan.
    pub index: u32,
    /// Its name, filled with zeros.
    pub name: [u8; 16],
    /// The guest may offer updates of it.
    pub may_update: bool,
    /// The sequence number committed last, once `update` has told it.
    pub sequence: Option<u64>,
}

/// What the next bytes of the guest are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A command without its bundle; [`Session::command`] has the beginning.
    Command,
    /// A bundle, of which `at` bytes have come.
    Bundle {
        component: u32,
        length: u32,
        at: u32,
    },
    /// So many bytes that nobody wants, then the answer to them.
    Unwanted { left: u32, fault: Fault },
    /// Nothing any more.
    Nothing,
}

/// What the guest waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    /// The answer to this command, whose serial number for `update` is that.
    Answer(Kind, u64),
    /// Another state than it was told last.
    News,
}

/// What is kept from the guest's opening of the port to its closing.
struct Session {
    greeted: bool,
    expected: Expected,
    command: heapless::Vec<u8, COMMAND>,
    awaited: Awaited,
    /// The state that the guest was told last.
    told: Option<State>,
    answer: heapless::Vec<u8, { port::LONGEST }>,
    /// Bytes of the answer that were given.
    given: usize,
}

impl Session {
    const fn new() -> Self {
        Self {
            greeted: false,
            expected: Expected::Command,
            command: heapless::Vec::new(),
            awaited: Awaited::Nothing,
            told: None,
            answer: heapless::Vec::new(),
            given: 0,
        }
    }

    /// Whether the guest's next bytes have to wait.
    fn is_busy(&self) -> bool {
        self.awaited != Awaited::Nothing || !self.answer.is_empty()
    }

    /// Makes an answer; there is none yet.
    fn say<T: IntoBytes + Immutable + ?Sized>(&mut self, header: Header, body: &T) {
        self.answer.clear();
        self.given = 0;
        // Bodies are bounded, and the vector has room for the longest.
        let _ = self.answer.extend_from_slice(header.as_bytes());
        let _ = self.answer.extend_from_slice(body.as_bytes());
    }

    fn fail(&mut self, fault: Fault) {
        let body = port::Error {
            fault: (fault as u32).into(),
        };
        self.say(Header::error(), &body);
    }

    fn tell(&mut self, kind: Kind, state: State) {
        self.told = Some(state);
        self.say(Header::answer(kind, size_of::<State>()), &state);
    }
}

/// A state of the guest's transaction, and when it was seen, in ticks.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: u64,
    component: u32,
    answer: Answer,
    generation: u64,
}

/// The service behind the port.
pub struct DoorbellPort<'a> {
    mailbox: Rc<Mailbox<'a>>,
    /// The staging region, as the VMM maps it.
    staging: Memory,
    components: heapless::Vec<Component, { port::DEVICES }>,
    deferral: Option<Deferral<'a>>,
    nanoseconds: fn(u64) -> u64,
    /// `update`'s newest answer.
    answer: Answer,
    log: heapless::Deque<Seen, { port::ENTRIES }>,
    session: Session,
}

impl<'a> DoorbellPort<'a> {
    /// A doorbell over the mailbox, for these components (the first [`port::DEVICES`] of them). `nanoseconds` converts ticks of the
    /// counter.
    #[must_use]
    pub fn new(
        mailbox: Rc<Mailbox<'a>>,
        staging: Memory,
        components: impl IntoIterator<Item = Component>,
        nanoseconds: fn(u64) -> u64,
    ) -> Self {
        Self {
            mailbox,
            staging,
            components: components.into_iter().take(port::DEVICES).collect(),
            deferral: None,
            nanoseconds,
            answer: Answer::default(),
            log: heapless::Deque::new(),
            session: Session::new(),
        }
    }

    /// With the guest's deferrals.
    #[must_use]
    pub fn deferring(self, deferral: Deferral<'a>) -> Self {
        Self {
            deferral: Some(deferral),
            ..self
        }
    }

    /// Takes some of the guest's bytes. Returns how many, 0 only if they have to wait.
    fn step(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize {
        match self.session.expected {
            _ if self.session.is_busy() => 0,
            Expected::Nothing => bytes.len(),
            Expected::Command => self.command(bytes, world),
            Expected::Bundle {
                component,
                length,
                at,
            } => {
                let count = bytes.len().min((length - at) as usize);
                let part = bytes.get(..count).unwrap_or_default();
                // What does not fit is refused by its length.
                let _ = self.staging.write(at as usize, part);
                let at = at + count as u32;
                self.bundle(component, length, at, world);
                count
            }
            Expected::Unwanted { left, fault } => {
                let count = bytes.len().min(left as usize);
                self.unwanted(left - count as u32, fault);
                count
            }
        }
    }

    /// Collects a command, and carries it out when it is whole.
    fn command(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize {
        let mut count = 0;
        loop {
            let command = &self.session.command;
            let missing = match Header::read_from_prefix(command) {
                Ok((header, body)) => match self.body(header) {
                    Ok((_, wanted)) if body.len() < wanted => wanted - body.len(),
                    Ok((kind, wanted)) => {
                        let length = header.length.get() - wanted as u32;
                        self.carry_out(kind, length, world);
                        self.session.command.clear();
                        return count;
                    }
                    Err(fault) => {
                        self.session.command.clear();
                        self.unwanted(header.length.get(), fault);
                        return count;
                    }
                },
                Err(_) => size_of::<Header>() - command.len(),
            };
            let rest = bytes.get(count..).unwrap_or_default();
            let part = rest.get(..missing.min(rest.len())).unwrap_or_default();
            // It has room for the longest command, or else nothing is ever taken and the guest waits.
            if part.is_empty() || self.session.command.extend_from_slice(part).is_err() {
                return count;
            }
            count += part.len();
        }
    }

    /// The command of a header, and the bytes of its body in front of a bundle.
    fn body(&self, header: Header) -> Result<(Kind, usize), Fault> {
        let kind = Kind::from_u32(header.kind.get());
        if !self.session.greeted && kind != Some(Kind::Hello) {
            return Err(Fault::NotHello);
        }
        let kind = kind.ok_or(Fault::UnknownCommand)?;
        let (length, wanted) = (header.length.get() as usize, kind.body());
        match kind {
            Kind::Offer if length >= wanted => Ok((kind, wanted)),
            _ if length == wanted => Ok((kind, wanted)),
            _ => Err(Fault::BadLength),
        }
    }

    /// Carries out a command, whose bundle of `length` bytes, if any, is still to come.
    fn carry_out(&mut self, kind: Kind, length: u32, world: &mut World<'_>) {
        let command = self.session.command.clone();
        let body = command.get(size_of::<Header>()..).unwrap_or_default();
        let target = Target::read_from_prefix(body).map_or(0, |(t, _)| t.component.get());
        let handle = Handle::read_from_bytes(body).map_or(0, |h| h.handle.get());
        match kind {
            Kind::Hello => self.greet(body),
            Kind::Devices => self.devices(),
            Kind::Offer if self.is_under_way() => self.unwanted(length, Fault::Busy),
            Kind::Offer => self.bundle(target, length, 0, world),
            Kind::Confirm => self.pass_on(kind, Command::Confirm, target, (0, handle), world),
            Kind::Cancel => self.pass_on(kind, Command::Cancel, target, (0, handle), world),
            Kind::Forgive => self.pass_on(kind, Command::Forgive, target, (0, 0), world),
            Kind::Defer => self.defer(body, world),
            Kind::Deferrer => self.deferrer(world),
            Kind::State => {
                let state = self.state();
                self.session.tell(kind, state);
            }
            Kind::Next => {
                self.session.awaited = Awaited::News;
                self.look();
            }
            Kind::Log => self.log(world),
        }
    }

    fn greet(&mut self, body: &[u8]) {
        let hello = Hello::read_from_bytes(body).unwrap_or_default();
        if hello.magic.get() != port::MAGIC {
            return self.end(Fault::NotHello);
        }
        if hello.version.get() == 0 {
            return self.end(Fault::Version);
        }
        self.session.greeted = true;
        let body = port::Welcome {
            magic: port::MAGIC.into(),
            version: hello.version.get().min(port::VERSION).into(),
            longest_bundle: u32::try_from(self.staging.size())
                .unwrap_or(u32::MAX)
                .into(),
        };
        let header = Header::answer(Kind::Hello, size_of_val(&body));
        self.session.say(header, &body);
    }

    /// Answers with a fault, and takes nothing more in this session.
    fn end(&mut self, fault: Fault) {
        self.session.expected = Expected::Nothing;
        self.session.fail(fault);
    }

    fn devices(&mut self) {
        let device = |component: &Component| {
            let may = u32::from(component.may_update) * Device::MAY_UPDATE;
            let known = u32::from(component.sequence.is_some()) * Device::SEQUENCE;
            let deferral = self.deferral.as_ref();
            let defers = deferral.is_some_and(|d| d.most_ms(component.index) != 0);
            let waits = deferral.is_some_and(|d| d.waits(component.index));
            let defers =
                (u32::from(defers) * Device::MAY_DEFER) | (u32::from(waits) * Device::WAITS);
            Device {
                component: component.index.into(),
                flags: (may | known | defers).into(),
                generation: self.mailbox.generation(component.index).into(),
                sequence: component.sequence.unwrap_or(0).into(),
                name: component.name,
            }
        };
        let devices: heapless::Vec<Device, { port::DEVICES }> =
            self.components.iter().map(device).collect();
        let header = Header::answer(Kind::Devices, size_of_val(devices.as_slice()));
        self.session.say(header, devices.as_slice());
    }

    fn defer(&mut self, body: &[u8], world: &mut World<'_>) {
        let wanted = port::Deferral::read_from_bytes(body).unwrap_or_default();
        let component = wanted.component.get();
        let now = world.platform.now();
        let deferral = self.deferral.as_ref().ok_or(Fault::NotAllowed);
        let done = deferral.and_then(|deferral| {
            let notify = deferral.defer(component, wanted.ms.get(), now)?;
            Ok((notify, deferral.most_ms(component)))
        });
        match done {
            Ok((notify, most)) => {
                if notify {
                    world.platform.notify_update();
                }
                let body = port::Deferral {
                    component: component.into(),
                    ms: most.into(),
                };
                let header = Header::answer(Kind::Defer, size_of_val(&body));
                self.session.say(header, &body);
            }
            Err(fault) => self.session.fail(fault),
        }
    }

    fn deferrer(&mut self, world: &mut World<'_>) {
        let now = (self.nanoseconds)(world.platform.now()) / 1000;
        let deferrer = self.answer.deferred_by;
        let left = deferrer.until_us.saturating_sub(now).div_ceil(1000);
        let body = match self.answer.status {
            Status::Deferred => port::Deferrer {
                left_ms: left.into(),
                name: deferrer.name,
            },
            _ => port::Deferrer::default(),
        };
        let header = Header::answer(Kind::Deferrer, size_of_val(&body));
        self.session.say(header, &body);
    }

    fn log(&mut self, world: &mut World<'_>) {
        let now = world.platform.now();
        let entry = |seen: &Seen| Entry {
            ago_us: ((self.nanoseconds)(now.saturating_sub(seen.at)) / 1000).into(),
            component: seen.component.into(),
            status: (seen.answer.status as u32).into(),
            reason: (seen.answer.reason as u32).into(),
            reserved: 0.into(),
            generation: seen.generation.into(),
            sequence: seen.answer.sequence.into(),
        };
        let entries: heapless::Vec<Entry, { port::ENTRIES }> = self.log.iter().map(entry).collect();
        let header = Header::answer(Kind::Log, size_of_val(entries.as_slice()));
        self.session.say(header, entries.as_slice());
    }

    /// So many bytes of a bundle have come; with the last one it is offered.
    fn bundle(&mut self, component: u32, length: u32, at: u32, world: &mut World<'_>) {
        if at < length {
            self.session.expected = Expected::Bundle {
                component,
                length,
                at,
            };
            return;
        }
        self.session.expected = Expected::Command;
        self.pass_on(Kind::Offer, Command::Offer, component, (length, 0), world);
    }

    /// So many unwanted bytes are still to come; after the last one the guest is told why they are.
    fn unwanted(&mut self, left: u32, fault: Fault) {
        match (left, fault) {
            (_, Fault::NotHello) => self.end(fault),
            (0, _) => {
                self.session.expected = Expected::Command;
                self.session.fail(fault);
            }
            _ => self.session.expected = Expected::Unwanted { left, fault },
        }
    }

    /// Passes a command on to `update`, with the bundle's length and the handle.
    fn pass_on(
        &mut self,
        kind: Kind,
        command: Command,
        component: u32,
        (length, handle): (u32, u64),
        world: &mut World<'_>,
    ) {
        if self.mailbox.send(command, component, length, handle) {
            world.platform.notify_update();
        }
        self.session.awaited = Awaited::Answer(kind, self.mailbox.serial());
    }

    /// Whether an offer of this guest has not ended.
    fn is_under_way(&self) -> bool {
        self.answer.status != Status::Idle && !self.answer.status.is_final()
    }

    fn state(&self) -> State {
        let component = self.mailbox.component();
        let answer = &self.answer;
        State {
            component: component.into(),
            status: (answer.status as u32).into(),
            reason: (answer.reason as u32).into(),
            progress: answer.progress.into(),
            handle: answer.handle.into(),
            generation: self.mailbox.generation(component).into(),
            sequence: answer.sequence.into(),
        }
    }

    /// Takes `update`'s newest answer.
    fn refresh(&mut self, world: &mut World<'_>) {
        let Some(answer) = self.mailbox.answer() else {
            return;
        };
        // An answer to an earlier command says nothing of the component of the newest one.
        if answer.serial < self.mailbox.serial() || answer == self.answer {
            return;
        }
        let component = self.mailbox.component();
        let changed = (answer.status, answer.reason) != (self.answer.status, self.answer.reason)
            || answer.serial != self.answer.serial;
        self.answer = answer;
        if answer.serial == 0 {
            return;
        }
        let mut components = self.components.iter_mut();
        if answer.status != Status::KeysExchanged
            && let Some(known) = components.find(|known| known.index == component)
        {
            known.sequence = Some(answer.sequence);
        }
        if changed {
            if self.log.is_full() {
                self.log.pop_front();
            }
            let seen = Seen {
                at: world.platform.now(),
                component,
                answer,
                generation: self.mailbox.generation(component),
            };
            // There is room.
            let _ = self.log.push_back(seen);
        }
    }

    /// Tells the guest what it waits for, if it has come.
    fn look(&mut self) {
        if self.session.awaited == Awaited::Nothing {
            return;
        }
        let state = self.state();
        let kind = match self.session.awaited {
            Awaited::Answer(kind, serial) if self.answer.serial >= serial => kind,
            Awaited::News if self.session.told != Some(state) => Kind::Next,
            _ => return,
        };
        self.session.awaited = Awaited::Nothing;
        self.session.tell(kind, state);
    }
}

impl Port for DoorbellPort<'_> {
    fn name(&self) -> &str {
        port::NAME
    }

    fn open(&mut self) {
        self.session = Session::new();
    }

    fn close(&mut self) {
        self.session = Session::new();
    }

    fn reset(&mut self, world: &mut World<'_>) {
        let deferred = self.deferral.as_ref().is_some_and(Deferral::reset);
        if self.mailbox.reset() | deferred {
            world.platform.notify_update();
        }
    }

    fn take(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize {
        let mut count = 0;
        loop {
            let rest = bytes.get(count..).unwrap_or_default();
            let taken = match rest {
                [] => 0,
                rest => self.step(rest, world),
            };
            if taken == 0 {
                return count;
            }
            count += taken;
        }
    }

    fn give(&mut self, room: &mut [u8]) -> usize {
        let session = &mut self.session;
        let rest = session.answer.get(session.given..).unwrap_or_default();
        let count = rest.len().min(room.len());
        for (to, from) in room.iter_mut().zip(rest) {
            *to = *from;
        }
        session.given += count;
        if session.given == session.answer.len() {
            session.answer.clear();
            session.given = 0;
        }
        count
    }

    fn poll(&mut self, world: &mut World<'_>) -> bool {
        // Before the first command there is no answer, and nothing to be told unless somebody waits.
        if self.mailbox.serial() != 0 || self.session.awaited != Awaited::Nothing {
            self.refresh(world);
            self.look();
            if self.mailbox.look() {
                world.platform.notify_update();
            }
        }
        // What was refused is taken once an answer was given, which happens while the queues are looked at.
        !self.session.answer.is_empty()
    }
}
