// SPDX-License-Identifier: BSD-2-Clause
//! The state of one component: its machine, and the parts that carry out the machine's actions.

use heapless::Deque;
use molt_control::{OrdersWriter, ReportView};
use molt_system::{MAX_ARENAS, UpdateBrief, UpdateClient};
use molt_trace::WordRef;
use molt_update::{Barrier, CLIENTS, Config, Event, Image, Machine, Phase};

use crate::books::Books;
use crate::build::Build;
use crate::control::Control;
use crate::holder::{Estate, Holder};
use crate::measure::Measure;
use crate::offer::Offer;
use crate::ports::Ports;
use crate::stop::{Stop, deadline_us};
use crate::store::Restoring;
use crate::transfer::Transfer;
use crate::watch::Watch;
use crate::{Error, Kernel, Result};

/// How long an offer waits for its confirm, in us.
const OFFER_US: u64 = 5_000_000;
/// How long a bundle waits for the operator's approval, in us.
const APPROVAL_US: u64 = 600_000_000;
/// How long `stage` may take for one command, in us.
const STAGE_US: u64 = 30_000_000;
/// How long it may take to keep a bundle, in us: erasing a block may take seconds.
const KEEP_US: u64 = 120_000_000;
/// How long a failed image is refused, in us.
const REMEMBER_US: u64 = 3_600_000_000;
/// A failure is a relapse if it comes within this many times the length of probation after passing it.
const SETTLED: u64 = 10;

/// The generation that had the device before, for the trace.
#[derive(Default)]
pub struct Departed {
    /// Its number.
    pub generation: u64,
    /// It had reported that it had quiesced.
    pub in_order: bool,
    /// The client that accused it, if it was only one; and whether the generation was on probation.
    pub accuser: Option<(usize, bool)>,
    /// The clients that claimed to wait for requests at the last look, one bit each.
    pub owing: u8,
}

/// A component.
pub struct Unit<'m> {
    pub(crate) index: usize,
    pub(crate) estate: Estate<'m>,
    pub(crate) plan: &'m molt_system::UpdateComponent,
    pub(crate) name: WordRef<'m>,
    pub(crate) machine: Machine,
    /// Events that follow from actions.
    pub(crate) followups: Deque<Event, 4>,
    /// Of each arena.
    pub(crate) control: [Control<'m>; MAX_ARENAS],
    /// The arena of the generation that has the device, or had it last.
    pub(crate) serving: u8,
    pub(crate) ports: Ports,
    pub(crate) offer: Offer,
    /// The clients that its update waits for, one bit each.
    pub(crate) deferred_by: u8,
    pub(crate) build: Build,
    pub(crate) transfer: Transfer,
    pub(crate) holder: Holder,
    pub(crate) watch: Watch,
    pub(crate) stop: Stop,
    pub(crate) departed: Departed,
    pub(crate) measure: Measure,
    /// SHA-256 of the image that was built last, and of the one whose generation has the device or had it last.
    pub(crate) built: [u64; 4],
    pub(crate) runs: [u64; 4],
    /// When that generation began to serve, in us.
    pub(crate) since: u64,
    /// The operator has rolled back to it, which is being kept.
    pub(crate) back: Option<Image>,
    /// What it is to start with is not known yet.
    pub(crate) restoring: Option<Restoring>,
}

impl<'m> Unit<'m> {
    /// The component before its start. `clients`: bit n is set if client n has a gate for it.
    pub fn new(
        kernel: &impl Kernel<'m>,
        brief: &'m UpdateBrief,
        index: usize,
        clients: u8,
        books: &mut Books,
    ) -> Result<Self> {
        let plan = brief
            .components()
            .get(index)
            .ok_or(Error::INVALID_ARGUMENT)?;
        let first = plan.first_region as usize;
        let end = first.saturating_add(plan.region_count as usize);
        let regions = brief.regions().get(first..end).unwrap_or(&[]);
        Ok(Self {
            index,
            estate: Estate {
                plan,
                regions,
                gone: 0,
            },
            plan,
            name: WordRef(plan.name.as_str()),
            machine: Machine::new(
                Config {
                    approved: approved(brief, index),
                    defer: deferrable(brief, index),
                    consents: consenting(brief, index),
                    ..config(plan, clients, brief.store.commands != 0)
                },
                plan.factory_sequence,
            ),
            followups: Deque::new(),
            control: Control::of_all(kernel, &plan.arenas),
            serving: 0,
            ports: Ports::new(kernel, &brief.authority, plan, books)?,
            offer: Offer::default(),
            deferred_by: 0,
            build: Build::default(),
            transfer: Transfer::default(),
            holder: Holder::default(),
            watch: Watch::default(),
            stop: Stop::default(),
            departed: Departed::default(),
            measure: Measure::default(),
            built: [0; 4],
            runs: [0; 4],
            since: 0,
            back: None,
            restoring: None,
        })
    }

    /// Its machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The newest offer.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// The generation that has the device.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// What the generation that has the device reports.
    pub(crate) fn report(&self) -> ReportView<'m> {
        let [first, second] = &self.control;
        match self.serving {
            0 => first.report,
            _ => second.report,
        }
    }

    /// The orders to the generation that has the device.
    pub(crate) fn orders(&mut self) -> &mut OrdersWriter<'m> {
        &mut pages(&mut self.control, self.serving).orders
    }

    /// Number of an arena of this component, counted over all components.
    pub fn arena_number(&self, arena: u8) -> u32 {
        self.index as u32 * 2 + u32::from(arena)
    }

    /// When to look next at a device that has to stop, in us. One that has missed its deadline is looked at only when something else happens.
    pub(crate) fn stop_due(&self, now: u64) -> Option<u64> {
        let waits = self.machine.phase() == Phase::Stopping;
        self.stop.due(now).filter(|_| waits)
    }

    /// Whether guests wait for this component.
    pub fn in_blackout(&self) -> bool {
        matches!(
            self.machine.phase(),
            Phase::Closing { .. }
                | Phase::Stopping
                | Phase::AtBarrier(Barrier::Stopped | Barrier::Denied)
                | Phase::Starting
        )
    }
}

/// The control pages of an arena.
pub(crate) fn pages<'c, 'm>(
    control: &'c mut [Control<'m>; MAX_ARENAS],
    arena: u8,
) -> &'c mut Control<'m> {
    let [first, second] = control;
    match arena {
        0 => first,
        _ => second,
    }
}

/// The clients whose updates of a component the operator has to approve, one bit each.
fn approved(brief: &UpdateBrief, index: usize) -> u8 {
    let asks = |client: &UpdateClient| client.limits.get(index).is_some_and(|l| l.approval != 0);
    let clients = brief.clients().iter().enumerate();
    let asked = clients.filter(|(_, client)| asks(client));
    asked.fold(0, |bits, (n, _)| bits | 1 << n)
}

/// How long an update of a component waits for each client, in us.
fn deferrable(brief: &UpdateBrief, index: usize) -> [u64; CLIENTS] {
    let mut spans = [0; CLIENTS];
    for (span, client) in spans.iter_mut().zip(brief.clients()) {
        *span = client.defer_us.get(index).copied().unwrap_or(0);
    }
    spans
}

/// The clients that have to give the device of a component up, one bit each.
fn consenting(brief: &UpdateBrief, index: usize) -> u8 {
    let clients = brief.clients().iter().enumerate();
    let asked = clients.filter(|(_, client)| client.consents >> index & 1 == 1);
    asked.fold(0, |bits, (n, _)| bits | 1 << n)
}

/// The machine's limits, from the plan.
fn config(plan: &molt_system::UpdateComponent, clients: u8, store: bool) -> Config {
    Config {
        clients,
        approved: 0,
        defer: [0; CLIENTS],
        consents: 0,
        approval: APPROVAL_US,
        slots: u8::try_from(plan.bundle_slots).unwrap_or(u8::MAX),
        offer: OFFER_US,
        stage: STAGE_US,
        quiesce: plan.quiesce_us,
        stop: deadline_us(plan),
        // A generation that has passed its device on cannot transfer the next one's firmware: that one does.
        transfer: (plan.firmware.size != 0 && plan.passed.present == 0)
            .then_some(plan.firmware.transfer_us),
        ready: plan.ready_us,
        probation: plan.probation_us,
        probation_completions: plan.probation_completions.into(),
        errors_allowed: 1,
        relapses: plan.relapses,
        settled: SETTLED.saturating_mul(plan.probation_us),
        remember: Some(REMEMBER_US),
        keep: store.then_some(KEEP_US),
        beat: (plan.probation_us / 4).max(20_000),
        attempts: u8::try_from(plan.attempts).unwrap_or(u8::MAX).max(1),
    }
}
