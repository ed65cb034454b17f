// SPDX-License-Identifier: BSD-2-Clause
//! What comes in, brought to the machines.

use heapless::Vec;
use molt_control::State;
use molt_control::stage::Results;
use molt_doorbell::{Command, Reason, Request};
use molt_system::cspace::{WORKSHOP_OWN, WORKSHOP_TCB};
use molt_system::{MAX_CLIENTS, MAX_COMPONENTS, UpdateBrief};
use molt_trace::{Event as Trace, Word};
use molt_update::{Event, Phase};

use crate::books::Books;
use crate::client::Client;
use crate::console::Console;
use crate::setup::Fixed;
use crate::stage::Stage;
use crate::time::Clock;
use crate::unit::Unit;
use crate::work::{Job, Kind, SLICE_US, Work};

/// How often the counters are read during probation, in us.
const POLL_US: u64 = 2_000;
/// How often a device that is to stop is looked at, in us.
const STOP_POLL_US: u64 = 50;

/// Everything that `update` keeps.
pub struct Update {
    pub brief: &'static UpdateBrief,
    pub units: Vec<Unit, MAX_COMPONENTS>,
    pub clients: Vec<Client, MAX_CLIENTS>,
    pub books: Books,
    pub fixed: Fixed,
    pub stage: Stage,
    pub work: Work,
    pub clock: Clock,
    pub console: Console,
    /// For handles.
    pub entropy: u64,
}

impl Update {
    /// Looks at everything that may have changed, and lets time pass. Called after each wake-up.
    pub fn turn(&mut self) {
        self.clock.woken();
        for index in 0..self.clients.len() {
            self.look_at_client(index);
        }
        for index in 0..self.units.len() {
            self.look_at_driver(index);
        }
        if let Some((unit, answer)) = self.stage.answer() {
            self.stage_answered(unit, answer);
        }
        let done = self.work.step(&mut self.units, &self.books, &self.clock);
        if let Some((job, result)) = done {
            self.work_done(job, result);
        }
        let now = self.clock.us();
        for index in 0..self.units.len() {
            let due = self.units.get(index).and_then(|u| u.machine.deadline());
            if due.is_some_and(|due| due <= now) {
                self.give(index, Event::Tick);
            }
        }
        // Nobody reads lines while guests wait.
        let quiet = self
            .units
            .iter()
            .any(|unit| in_blackout(unit) || unit.measure.under_way());
        let (overdue, due) = self.console.overdue(self.clock.ns());
        if !quiet || overdue {
            self.console.print();
        }
        self.set_alarm(due.filter(|_| quiet && !overdue));
    }

    fn set_alarm(&mut self, console: Option<u64>) {
        let now = self.clock.us();
        let work = (!self.work.is_empty()).then_some(now + SLICE_US);
        let mut next = [work, console].into_iter().flatten().min();
        for unit in &self.units {
            let stop = unit.stopping.then_some(now + STOP_POLL_US);
            for at in [unit.machine.deadline(), unit.poll, stop]
                .into_iter()
                .flatten()
            {
                next = Some(next.map_or(at, |next: u64| next.min(at)));
            }
        }
        self.clock.wake_at(next);
    }

    fn look_at_client(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let violations = client.warden.statistics().violations;
        let violated = violations != core::mem::replace(&mut client.violations, violations);
        let mut closed = 0u8;
        for component in 0..self.units.len() {
            let bit = 1u8 << component;
            if client.closing & bit != 0 && client.warden.acknowledged(component) {
                client.closing &= !bit;
                closed |= bit;
            }
        }
        let request = client.request();
        for component in 0..self.units.len() {
            if closed & 1 << component != 0 {
                self.trace(Trace::Closed {
                    component: self.name(component),
                    client: self.client_name(index),
                });
                self.give(component, Event::GateClosed(index as u8));
            }
            if violated && self.clients.get(index).is_some_and(|c| c.has(component)) {
                self.violated(component, index);
            }
        }
        if let Some(request) = request {
            self.requested(index, request);
        }
    }

    fn violated(&mut self, component: usize, client: usize) {
        self.trace(Trace::Violation {
            component: self.name(component),
            client: self.client_name(client),
            what: Word::new("queue"),
        });
        self.holder_failed(component, Reason::QueueViolation);
    }

    pub fn holder_failed(&mut self, component: usize, reason: Reason) {
        let holder = self.units.get(component).and_then(|u| u.machine.holder());
        if let Some(generation) = holder {
            self.give(component, Event::Failed { generation, reason });
        }
    }

    fn requested(&mut self, index: usize, request: Request) {
        let component = request.component as usize;
        let command = match request.command {
            Command::Offer => "offer",
            Command::Confirm => "confirm",
            Command::Cancel => "cancel",
        };
        self.trace(Trace::Rung {
            client: self.client_name(index),
            component: self.name(component),
            command: Word::new(command),
            bytes: request.length.into(),
        });
        let handle = self.handle();
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        if self.units.get(component).is_none() {
            return client.refuse(Reason::NotAllowed);
        }
        let event = match request.command {
            Command::Offer => {
                let length = u64::from(request.length);
                let allowed = client.may_update(component);
                if allowed && (length == 0 || length > client.plan.staging_size) {
                    return client.refuse(Reason::BadLength);
                }
                Event::Offer {
                    client: index as u8,
                    allowed,
                    handle,
                }
            }
            Command::Confirm => Event::Confirm {
                client: index as u8,
                handle: request.handle,
            },
            Command::Cancel => Event::Cancel {
                client: index as u8,
                handle: request.handle,
            },
        };
        if let (Command::Offer, Some(unit)) = (request.command, self.units.get_mut(component))
            && unit.machine.phase() == Phase::Idle
        {
            unit.handle = handle;
            unit.offered_length = request.length.into();
        }
        self.give(component, event);
    }

    fn look_at_driver(&mut self, index: usize) {
        let now = self.clock.us();
        if self.look_whether_stopped(index) {
            self.give(index, Event::Stopped);
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let Some(generation) = unit.machine.holder() else {
            return;
        };
        let report = unit.report;
        match report.state(generation) {
            State::Starting => {}
            State::Ready => self.give(index, Event::Ready(generation)),
            State::Quiesced => {
                self.measure_deny(index);
                if let Some(unit) = self.units.get_mut(index) {
                    unit.quiesced_in_order = true;
                }
                self.give(index, Event::Quiesced(generation));
            }
            State::Failed => self.holder_failed(index, Reason::DriverFatal),
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        if unit.beat.is_some_and(|asked| report.beat() == asked) {
            unit.beat = None;
            self.give(index, Event::Beat(generation));
        }
        self.watch(index, generation, now);
        self.measure_resume(index);
    }

    /// During probation: what has it done, and what is owed?
    fn watch(&mut self, index: usize, generation: u64, now: u64) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let Some(due) = unit.poll else {
            return;
        };
        let report = unit.report;
        let done = report.completions() >= u64::from(unit.plan.probation_completions);
        if due > now && !done {
            return;
        }
        unit.poll = (!done).then_some(now + POLL_US);
        let clients = self.clients.iter().filter(|c| c.has(index));
        let owed = clients.map(|c| c.warden.statistics().owed);
        let event = Event::Health {
            generation,
            completions: report.completions(),
            errors: report.errors(),
            owed: owed.fold(0, u64::saturating_add),
        };
        self.give(index, event);
    }

    fn stage_answered(&mut self, index: usize, answer: Result<Results, Reason>) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        match (answer, unit.machine.phase()) {
            (Ok(results), Phase::Verifying) => {
                unit.image_length = results.length;
                unit.image_sequence = results.sequence;
                let event = Event::Verified {
                    sequence: results.sequence,
                    digest: results.digest,
                };
                self.give(index, event);
            }
            (Ok(results), Phase::Building) => {
                if let Some(arena) = unit.building.take() {
                    let slots = results.slots.min(WORKSHOP_OWN.into()) as u32;
                    if slots.saturating_sub(WORKSHOP_TCB) > self.books.arena_slots() {
                        return self.give(index, Event::StageFailed(Reason::ArenaFull));
                    }
                    self.work.add(index, arena, Kind::TakeOver { slots });
                }
            }
            // Nobody wants it any more.
            (Ok(_), _) => self.give(index, Event::StageFailed(Reason::None)),
            (Err(reason), _) => self.give(index, Event::StageFailed(reason)),
        }
    }

    fn work_done(&mut self, job: Job, result: sel4::Result<()>) {
        if let Err(error) = result {
            self.trace(Trace::Value {
                name: Word::new("work-failed"),
                value: error as u64,
            });
        }
        match job.kind {
            Kind::Lend => match (result, self.units.get_mut(job.unit)) {
                (Ok(()), Some(unit)) => {
                    match unit.build.take() {
                        Some(command) => self.stage.give(job.unit, command),
                        // Given up meanwhile.
                        None => self.give(job.unit, Event::StageFailed(Reason::None)),
                    }
                }
                _ => self.give(job.unit, Event::StageFailed(Reason::Internal)),
            },
            Kind::TakeOver { .. } => {
                let event = match result {
                    Ok(()) => Event::Built,
                    Err(_) => Event::StageFailed(Reason::Internal),
                };
                self.give(job.unit, event);
            }
            // An arena that cannot be cleared stays out of use, and what needs it runs into its deadline.
            Kind::Clear if result.is_ok() => {
                self.give(job.unit, Event::ArenaCleared(job.arena));
                self.account(job.unit, job.arena);
            }
            Kind::Clear => {}
        }
    }

    /// A number that a guest cannot know: the counter's low bits at several moments, mixed. It guards against mistakes
    /// and stale confirms of the same guest; no authority hangs on it (only the client that offered can confirm).
    fn handle(&mut self) -> u64 {
        let mut x = self.entropy.wrapping_add(molt_clock::now().0) | 1;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.entropy = x ^ (x >> 31);
        self.entropy
    }

    pub fn trace(&mut self, event: Trace) {
        self.console.note(self.clock.ns(), event);
    }

    pub fn name(&self, component: usize) -> Word {
        self.units
            .get(component)
            .map_or(Word::new("?"), |u| u.name.clone())
    }

    pub fn client_name(&self, client: usize) -> Word {
        self.clients
            .get(client)
            .map_or(Word::new("?"), |c| c.name.clone())
    }
}

/// Whether guests wait for this component.
pub fn in_blackout(unit: &Unit) -> bool {
    matches!(
        unit.machine.phase(),
        Phase::Closing { .. } | Phase::Stopping | Phase::Starting
    )
}
