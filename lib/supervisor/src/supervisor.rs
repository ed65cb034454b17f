// SPDX-License-Identifier: BSD-2-Clause
//! The supervisor's state, and the turn that it makes at each wake-up.

use heapless::Vec;
use molt_control::stage::Results;
use molt_doorbell::Reason;
use molt_system::cspace::{WORKSHOP_OWN, WORKSHOP_TCB};
use molt_system::{MAX_CLIENTS, MAX_COMPONENTS, UpdateBrief};
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Event, Phase};

use crate::books::Books;
use crate::client::Client;
use crate::console::Console;
use crate::operator::Operator;
use crate::reading::Reading;
use crate::stage::Stage;
use crate::store::Store;
use crate::time::Clock;
use crate::transaction::Joined;
use crate::transfer::Firmware;
use crate::unit::{Unit, pages};
use crate::work::{Job, Kind, SLICE_US, Work};
use crate::{Error, Kernel, Result};

/// The supervisor: the whole state of `update`.
pub struct Supervisor<'m, K: Kernel<'m>> {
    pub(crate) kernel: K,
    pub(crate) brief: &'m UpdateBrief,
    pub(crate) units: Vec<Unit<'m>, MAX_COMPONENTS>,
    pub(crate) clients: Vec<Client<'m>, MAX_CLIENTS>,
    pub(crate) books: Books,
    pub(crate) stage: Stage<'m>,
    pub(crate) store: Option<Store<'m>>,
    pub(crate) work: Work,
    /// The transaction of several components that is under way.
    pub(crate) transaction: Option<Joined>,
    pub(crate) clock: Clock,
    pub(crate) console: Console<'m>,
    pub(crate) operator: Option<Operator<'m>>,
    /// The log that the operator reads.
    pub(crate) reading: Option<Reading>,
    /// Why a machine declined the operator's last event.
    pub(crate) declined: Option<Reason>,
    /// Entropy for handles.
    pub(crate) entropy: u64,
    /// The first account has been made.
    pub(crate) accounted: bool,
    /// When the clients' statistics were traced last, in us.
    pub(crate) figures: u64,
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// A supervisor for this plan. Nothing is granted yet.
    ///
    /// # Errors
    /// The plan does not fit this program.
    pub fn new(kernel: K, brief: &'m UpdateBrief) -> Result<Self> {
        let authority = &brief.authority;
        let arenas = brief.component_count * 2;
        let mut books = Books::new(authority.free_first, authority.free_count, arenas);
        let clients = brief.clients().iter();
        let clients: Vec<Client, _> = clients.map(|plan| Client::new(&kernel, plan)).collect();
        let mut units = Vec::new();
        for index in 0..brief.components().len() {
            let unit = Unit::new(&kernel, brief, index, gates(&clients, index), &mut books)?;
            units.push(unit).map_err(|_| Error::NOT_ENOUGH_MEMORY)?;
        }
        Ok(Self {
            brief,
            units,
            clients,
            books,
            stage: Stage::new(&kernel, &brief.stage),
            store: Store::new(&kernel, &brief.store),
            work: Work::default(),
            transaction: None,
            clock: Clock::new(&kernel, brief.timer_channel),
            console: Console::new(&kernel, &brief.log),
            operator: Operator::new(&kernel, &brief.operator),
            reading: None,
            declined: None,
            entropy: kernel.now().0,
            accounted: false,
            figures: 0,
            kernel,
        })
    }

    /// Starts all components.
    pub fn start(&mut self) {
        self.trace(Trace::Boot {
            components: self.brief.component_count.into(),
            clients: self.brief.client_count.into(),
        });
        // `monitor` has filled the devices' address spaces: nothing of them is granted to anybody yet.
        for unit in self.units.iter().filter(|u| u.plan.io_space.present != 0) {
            if let Err(error) = self.kernel.unmap_io_table(unit.plan.io_space.table) {
                self.failed("io-table", error);
                break;
            }
        }
        self.start_from(0);
        self.turn();
    }

    /// The components.
    pub fn units(&self) -> &[Unit<'m>] {
        &self.units
    }

    /// Whether a client is believed.
    pub fn standing(&self, client: usize) -> Option<crate::Standing> {
        self.clients.get(client).map(|client| client.standing)
    }

    /// Whether no long work is under way.
    pub fn rests(&self) -> bool {
        self.work.is_empty()
    }

    /// Whether a transaction of several components is under way.
    pub fn joins(&self) -> bool {
        self.transaction.is_some()
    }

    /// A mutant: a slot that is in use is given back.
    #[cfg(feature = "mutants")]
    pub fn mutant_gives_back(&mut self) {
        if let Some(slot) = self.books.used() {
            self.books.give_back(slot);
        }
    }

    /// The books of the vault's slots.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Handles everything that may have changed, and deadlines that have passed. Called after each wake-up.
    pub fn turn(&mut self) {
        self.clock.woken(&self.kernel);
        self.look_at_deferrals();
        for index in 0..self.clients.len() {
            self.look_at_client(index);
        }
        for index in 0..self.units.len() {
            self.look_at_driver(index);
        }
        if let Some((unit, answer)) = self.stage.answer(&self.kernel) {
            self.stage_answered(unit, answer);
        }
        self.look_at_store();
        let builds_for = self.stage.builds_for();
        let done = self.work.step(
            &self.kernel,
            &mut self.units,
            &mut self.books,
            &self.clock,
            builds_for,
        );
        if let Some((job, result)) = done {
            self.work_done(job, result);
        }
        let now = self.us();
        for index in 0..self.units.len() {
            let due = self.units.get(index).and_then(|u| u.machine.deadline());
            if due.is_some_and(|due| due <= now) {
                self.give(index, Event::Tick);
            }
        }
        for unit in &mut self.units {
            unit.poke(&self.kernel, now);
        }
        for client in &mut self.clients {
            client.notify(&self.kernel);
        }
        self.account_first();
        // Lines are not printed while guests wait.
        let mut units = self.units.iter();
        let quiet = units.any(|unit| unit.in_blackout() || unit.measure.under_way());
        let (overdue, due) = self.console.overdue(self.clock.ns(&self.kernel));
        if !quiet {
            self.trace_figures();
        }
        if !self.in_blackout() {
            self.look_at_operator();
        }
        if !quiet || overdue {
            self.console.print(&self.kernel);
        }
        self.set_alarm(due.filter(|_| quiet && !overdue));
    }

    fn in_blackout(&self) -> bool {
        self.units.iter().any(Unit::in_blackout)
    }

    fn set_alarm(&mut self, console: Option<u64>) {
        let now = self.us();
        let work = self.work.is_due(&self.units, self.stage.builds_for());
        let work = work.then_some(now + SLICE_US);
        let units = self.units.iter().flat_map(|unit| {
            let machine = unit.machine.deadline();
            [
                machine,
                unit.watch.due(),
                unit.stop_due(now),
                unit.poke_due(),
            ]
        });
        let clients = self.clients.iter().map(|client| client.heard_at(now));
        let operator = self.operator.as_ref().and_then(|operator| operator.due());
        // During a blackout its lines wait, and nothing is to be woken for them: the end of the blackout wakes.
        let operator = operator.filter(|_| !self.in_blackout());
        let next = units
            .chain(clients)
            .chain([work, console, self.restore_due(), operator]);
        let next = next.flatten().min();
        self.clock.wake_at(&self.kernel, next);
    }

    fn stage_answered(&mut self, index: usize, answer: core::result::Result<Results, Reason>) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        if unit.restoring.is_some() {
            return self.reverified(index, answer);
        }
        match (answer, unit.machine.phase()) {
            (Ok(results), Phase::Verifying) => {
                unit.offer.verified(&results);
                let sequence = results.sequence;
                match results.keys {
                    true => self.give(index, Event::KeysVerified { sequence }),
                    false => self.verified(index, &results),
                }
            }
            (Ok(results), Phase::Building) => {
                if let Some(arena) = unit.build.built() {
                    unit.built = results.digest;
                    pages(&mut unit.control, arena).firmware = Firmware::built(&results);
                    let slots = results.slots.min(WORKSHOP_OWN.into()) as u32;
                    if slots.saturating_sub(WORKSHOP_TCB) > self.books.arena_slots() {
                        return self.give(index, Event::StageFailed(Reason::ArenaFull));
                    }
                    self.work.add(index, arena, Kind::TakeOver { slots });
                }
            }
            (Err(reason), Phase::Verifying) => {
                unit.offer.refused = self.stage.refused();
                self.give(index, Event::StageFailed(reason));
            }
            // The result is not wanted any more.
            (Ok(_), _) => self.give(index, Event::StageFailed(Reason::None)),
            (Err(reason), _) => self.give(index, Event::StageFailed(reason)),
        }
    }

    fn work_done(&mut self, job: Job, result: Result) {
        if let Err(error) = result {
            self.failed("work-failed", error);
        }
        match job.kind {
            Kind::Lend => match (result, self.units.get_mut(job.unit)) {
                (Ok(()), Some(unit)) => match unit.build.lending_done() {
                    Some(command) => self.stage.give(&self.kernel, job.unit, command),
                    // The build was given up meanwhile.
                    None => self.give(job.unit, Event::StageFailed(Reason::None)),
                },
                _ => self.give(job.unit, Event::StageFailed(Reason::Internal)),
            },
            Kind::TakeOver { .. } => {
                let event = match result {
                    Ok(()) => Event::Built,
                    Err(_) => Event::StageFailed(Reason::Internal),
                };
                self.give(job.unit, event);
            }
            Kind::Show => self.shown(job.unit, job.arena, result),
            Kind::Hide => self.hidden(job.unit, result),
            // An arena that cannot be cleared is not used again; what needs it misses its deadline.
            Kind::Clear if result.is_ok() => {
                self.give(job.unit, Event::ArenaCleared(job.arena));
                self.account(job.unit, job.arena);
            }
            Kind::Clear => {}
        }
    }

    /// The clock in us.
    pub(crate) fn us(&self) -> u64 {
        self.clock.us(&self.kernel)
    }

    pub(crate) fn trace(&mut self, event: Trace<WordRef<'m>>) {
        self.console.note(self.clock.ns(&self.kernel), event);
    }

    /// Traces the failure of an operation that should not fail.
    pub(crate) fn failed(&mut self, what: &'static str, error: Error) {
        self.trace(Trace::Value {
            name: WordRef(what),
            value: error.0,
        });
    }

    pub(crate) fn name(&self, component: usize) -> WordRef<'m> {
        let unit = self.units.get(component);
        unit.map_or(WordRef("?"), |u| u.name)
    }

    pub(crate) fn client_name(&self, client: usize) -> WordRef<'m> {
        let client = self.clients.get(client);
        client.map_or(WordRef("?"), |c| c.name)
    }
}

/// The clients that have a gate for a component, as the machine wants them.
fn gates(clients: &[Client], component: usize) -> u8 {
    let with = clients.iter().enumerate().filter(|(_, c)| c.has(component));
    with.fold(0, |bits, (index, _)| bits | 1 << index)
}
