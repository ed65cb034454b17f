// SPDX-License-Identifier: BSD-2-Clause
//! What is kept of one component beside its machine.

use heapless::{Deque, Vec};
use molt_control::stage::Command;
use molt_control::{OrdersWriter, ReportView};
use molt_doorbell::{Reason, Status};
use molt_system::{UpdateComponent, VaultSlot};
use molt_trace::Word;
use molt_update::{Config, Event, Machine};
use sel4_microkit::Channel;

use crate::brief::{self, PAGE};
use crate::measure::Measure;

/// Copies that one grant makes at most.
pub const COPIES: usize = 512;

/// How long an offer waits for its confirm, in us.
const OFFER_US: u64 = 5_000_000;
/// How long `stage` may take for one command, in us.
const STAGE_US: u64 = 30_000_000;
/// How long a device may take to stop, in us.
const STOP_US: u64 = 100_000;

/// Where the capabilities of an arena's generation stand in the vault.
#[derive(Clone, Copy)]
pub struct Place {
    pub tcb: VaultSlot,
    pub cnode: VaultSlot,
    pub vspace: VaultSlot,
}

/// What one arena holds, as far as capabilities go.
#[derive(Clone, Copy, Default)]
pub struct ArenaState {
    /// The untypeds are in the workshop.
    pub lent: bool,
}

/// A component.
pub struct Unit {
    pub index: usize,
    pub plan: &'static UpdateComponent,
    pub name: Word,
    pub machine: Machine,
    pub orders: OrdersWriter<'static>,
    pub report: ReportView<'static>,
    pub driver: Channel,
    pub arenas: [ArenaState; 2],
    /// What `stage` is building, or about to, and the command once the arena is lent.
    pub building: Option<u8>,
    pub build: Option<Command>,
    /// Events that follow from actions.
    pub followups: Deque<Event, 4>,
    /// The capabilities of the generation that has the device.
    pub holder: Option<Place>,
    /// Copies that the present grant has made.
    pub copies: Vec<VaultSlot, COPIES>,
    /// Clients' regions are mapped.
    pub granted: bool,
    /// Waits for the device to stop.
    pub stopping: bool,
    /// The sign of life that was asked for.
    pub beat: Option<u64>,
    /// Bytes of the bundle on offer, and of the image that was verified.
    pub offered_length: u64,
    pub image_length: u64,
    pub image_sequence: u64,
    pub handle: u64,
    pub status: Status,
    pub reason: Reason,
    /// The generation that ran before the one that holds the device, for the trace.
    pub before: u64,
    pub quiesced_in_order: bool,
    pub measure: Measure,
    /// When probation looks at the counters again, in us.
    pub poll: Option<u64>,
}

impl Unit {
    /// As it is before the start.
    pub fn new(index: usize, plan: &'static UpdateComponent, clients: u8) -> Self {
        let config = Config {
            clients,
            slots: u8::try_from(plan.bundle_slots).unwrap_or(u8::MAX),
            offer: OFFER_US,
            stage: STAGE_US,
            quiesce: plan.quiesce_us,
            stop: STOP_US,
            ready: plan.ready_us,
            probation: plan.probation_us,
            probation_completions: plan.probation_completions.into(),
            errors_allowed: 0,
            beat: (plan.probation_us / 4).max(20_000),
            attempts: u8::try_from(plan.attempts).unwrap_or(u8::MAX).max(1),
        };
        Self {
            index,
            plan,
            name: Word::new(plan.name.as_str()),
            machine: Machine::new(config, plan.factory_sequence),
            orders: OrdersWriter::new(brief::words(plan.orders.update_vaddr, PAGE)),
            report: ReportView::new(brief::words(plan.report.update_vaddr, PAGE)),
            driver: Channel::new(plan.channel as usize),
            arenas: [ArenaState::default(); 2],
            building: None,
            build: None,
            followups: Deque::new(),
            holder: None,
            copies: Vec::new(),
            granted: false,
            stopping: false,
            beat: None,
            offered_length: 0,
            image_length: 0,
            image_sequence: 0,
            handle: 0,
            status: Status::Idle,
            reason: Reason::None,
            before: 0,
            quiesced_in_order: false,
            measure: Measure::default(),
            poll: None,
        }
    }

    /// Number of an arena of this component, counted over all components.
    pub fn arena_number(&self, arena: u8) -> u32 {
        self.index as u32 * 2 + u32::from(arena)
    }
}

/// The capabilities of the generation that stands at `first` in the vault.
pub fn place_at(first: VaultSlot) -> Place {
    Place {
        tcb: first,
        cnode: first.after(1),
        vspace: first.after(2),
    }
}
