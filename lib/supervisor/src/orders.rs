// SPDX-License-Identifier: BSD-2-Clause
//! What the operator's commands do. All go through the components' machines, whose events they are; nothing is done beside them.

use core::fmt;

use molt_control::digest::bytes;
use molt_control::store::About;
use molt_doorbell::Reason;
use molt_operator::{Command, Prefix, Tag};
use molt_store::Kind;
use molt_trace::WordRef;
use molt_update::{Barrier, Event, Image, Phase};

use crate::{Kernel, Standing, Supervisor};

/// The reason for which a command is refused, as one word.
type Refused = &'static str;

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Executes a command, and answers it.
    pub(crate) fn order(&mut self, tag: Tag, command: Command<'_>) {
        let may = self
            .operator
            .as_ref()
            .is_some_and(|operator| operator.may(command.needs()));
        let result = match command {
            _ if !may => Err(Reason::NotAllowed.word()),
            Command::List => {
                self.list(tag);
                Ok(())
            }
            Command::Log(count) => {
                return match self.read_log(tag, count) {
                    Ok(()) => {}
                    Err(reason) => self.respond(tag, format_args!("refused {reason}")),
                };
            }
            Command::Approve(name, prefix) => self.decide(name, prefix, true),
            Command::Force(name, prefix) => self.force(name, prefix),
            Command::Refuse(name, prefix) => self.decide(name, prefix, false),
            Command::Freeze(name) => self.event(name, Event::Freeze(true), Some(Kind::Frozen)),
            Command::Thaw(name) => self.event(name, Event::Freeze(false), Some(Kind::Thawed)),
            Command::Rollback(name) => self.event(name, Event::RollBack, None),
            Command::Restore(name) => self.event(name, Event::Readmit, Some(Kind::Restored)),
            Command::Forgive(name, prefix) => self.forgive(name, prefix),
            Command::Readmit(name) => self.believe(name),
        };
        match result {
            Ok(()) => self.respond(tag, format_args!("ok")),
            Err(reason) => self.respond(tag, format_args!("refused {reason}")),
        }
    }

    fn component(&self, name: &str) -> Result<usize, Refused> {
        let found = self
            .units
            .iter()
            .position(|unit| unit.plan.name.as_str() == name);
        found.ok_or("no-such-component")
    }

    /// Gives a machine an event, and records it.
    fn event(&mut self, name: &str, event: Event, kind: Option<Kind>) -> Result<(), Refused> {
        let index = self.component(name)?;
        self.ask(index, event)?;
        if let Some(kind) = kind {
            let about = self.about(index, None);
            self.record(kind, about);
        }
        Ok(())
    }

    /// Gives a machine an event that it may decline.
    fn ask(&mut self, index: usize, event: Event) -> Result<(), Refused> {
        self.declined = None;
        self.give(index, event);
        match self.declined.take() {
            None => Ok(()),
            Some(reason) => Err(reason.word()),
        }
    }

    fn decide(&mut self, name: &str, prefix: Prefix, approved: bool) -> Result<(), Refused> {
        let index = self.component(name)?;
        let waits = self.units.get(index).and_then(|unit| unit.machine.waits());
        let image = waits.filter(|image| prefix.matches(&bytes(image.digest)));
        let image = image.ok_or(Reason::NothingOffered.word())?;
        if !approved {
            return self.ask(index, Event::Disapprove(image.digest));
        }
        let about = self.about_image(index, image);
        self.record(Kind::Approved, about);
        self.ask(index, Event::Approve(image.digest))
    }

    /// The update that is about this image goes on without waiting for clients, and those that are joined with it.
    fn force(&mut self, name: &str, prefix: Prefix) -> Result<(), Refused> {
        let index = self.component(name)?;
        let candidate = self
            .units
            .get(index)
            .and_then(|unit| unit.machine.candidate());
        let image = candidate.filter(|image| prefix.matches(&bytes(image.digest)));
        let image = image.ok_or(Reason::NothingOffered.word())?;
        let first = self.first_of(index);
        for other in (0..self.units.len()).filter(|n| *n != index) {
            let candidate = self
                .units
                .get(other)
                .and_then(|unit| unit.machine.candidate());
            if let Some(image) = candidate.filter(|_| self.first_of(other) == first) {
                self.ask(other, Event::Force(image.digest))?;
            }
        }
        let about = self.about_image(index, image);
        self.ask(index, Event::Force(image.digest))?;
        self.record(Kind::Forced, about);
        Ok(())
    }

    fn forgive(&mut self, name: &str, prefix: Prefix) -> Result<(), Refused> {
        let index = self.component(name)?;
        let mut failed = self.units.get(index).map(|unit| unit.machine.failed());
        let digest = failed.as_mut().and_then(|failed| {
            failed
                .find(|digest| prefix.matches(&bytes(**digest)))
                .copied()
        });
        drop(failed);
        let image = digest.ok_or(Reason::NothingOffered.word())?;
        self.ask(index, Event::ForgiveImage(image))?;
        let about = About {
            image,
            ..self.about(index, None)
        };
        self.record(Kind::Forgiven, about);
        Ok(())
    }

    fn believe(&mut self, name: &str) -> Result<(), Refused> {
        let mut clients = self.clients.iter();
        let index = clients.position(|client| client.plan.name.as_str() == name);
        let index = index.ok_or("no-such-client")?;
        if self.standing(index) != Some(Standing::Fenced) {
            return Err("not-fenced");
        }
        self.admit(index);
        let serves = |component: &usize| self.clients.get(index).is_some_and(|c| c.has(*component));
        let component = (0..self.units.len()).find(serves).unwrap_or(0);
        let about = self.about(component, Some(index as u8));
        self.record(Kind::Readmitted, about);
        Ok(())
    }

    fn list(&mut self, tag: Tag) {
        let now = self.us();
        for index in 0..self.units.len() {
            self.list_component(tag, index, now);
        }
        for index in 0..self.clients.len() {
            let Some(client) = self.clients.get(index) else {
                return;
            };
            let (name, standing) = (client.name, client.standing.word());
            self.respond(tag, format_args!("client name={name} standing={standing}"));
        }
    }

    fn list_component(&mut self, tag: Tag, index: usize, now: u64) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let name = unit.name;
        let machine = &unit.machine;
        let report = unit.report();
        let (version, completions, errors) =
            (report.version(), report.completions(), report.errors());
        let (sequence, digest) = (machine.committed().sequence, Hex(unit.runs));
        let generation = machine.holder().unwrap_or(0);
        let (since, health) = (unit.since, Health(machine.phase()));
        let frozen = if machine.frozen() { "yes" } else { "no" };
        let (waits, before) = (Maybe(machine.waits()), Maybe(machine.previous()));
        let keys = machine.keys();
        let update = machine.candidate().filter(|image| image.digest != [0; 4]);
        let update = Maybe(update);
        let deferred = unit.machine.deferred();
        let deferred = deferred.map_or(WordRef("-"), |(client, _)| self.client_name(client.into()));
        self.respond(
            tag,
            format_args!(
                "component name={name} version={version} sequence={sequence} digest={digest} \
                 generation={generation} since_us={since} time_us={now} health={health} \
                 completions={completions} errors={errors} frozen={frozen} waits={waits} before={before} keys={keys} \
                 update={update} deferred_by={deferred}"
            ),
        );
        let count = self
            .units
            .get(index)
            .map_or(0, |u| u.machine.failed().count());
        for n in 0..count {
            let unit = self.units.get(index);
            let digest = unit.and_then(|unit| unit.machine.failed().nth(n).copied());
            if let Some(digest) = digest {
                let digest = Hex(digest);
                self.respond(tag, format_args!("failed component={name} digest={digest}"));
            }
        }
    }

    /// A record about an image of a component.
    pub(crate) fn about_image(&self, index: usize, image: Image) -> About {
        let client = self.units.get(index).and_then(|unit| unit.machine.client());
        About {
            sequence: image.sequence,
            image: image.digest,
            ..self.about(index, client)
        }
    }
}

/// A digest in hexadecimal digits.
struct Hex([u64; 4]);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bytes(self.0)
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An image, if there is one, as `SEQUENCE:DIGEST`.
struct Maybe(Option<Image>);

impl fmt::Display for Maybe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(image) => write!(f, "{}:{}", image.sequence, Hex(image.digest)),
            None => f.write_str("-"),
        }
    }
}

/// How a component is, in one word.
struct Health(Phase);

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Phase::Off => "off",
            Phase::Closing { .. }
            | Phase::Stopping
            | Phase::AtBarrier(Barrier::Stopped | Barrier::Denied) => "stopping",
            Phase::Starting => "starting",
            Phase::Probation | Phase::Keeping => "probation",
            Phase::OutOfService(reason) => return write!(f, "out-of-service:{}", reason.word()),
            Phase::Idle
            | Phase::Offered { .. }
            | Phase::Verifying
            | Phase::Approval
            | Phase::Waiting
            | Phase::Building
            | Phase::Transferring
            | Phase::AtBarrier(Barrier::Staged | Barrier::Admitted)
            | Phase::Deferred => "serving",
        })
    }
}
