// SPDX-License-Identifier: BSD-2-Clause
//! A world around the machine that answers, fails, stays silent or lies, and a ghost that keeps its own books of what
//! the machine was allowed to do.

use molt_update::{
    Action, CLIENTS, Client, Config, Event, Generation, Image, Machine, Phase, Reason, Status,
};

use crate::common::limits;
use crate::mutant::Mutant;

/// What stands in a bundle slot, as far as `stage` is concerned.
pub type Content = (u64, [u64; 4]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StageJob {
    Verify { slot: u8 },
    Build,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    Running,
    Stopping,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    pub generation: Generation,
    pub arena: u8,
    pub suspended: bool,
    pub ready: bool,
    pub slot: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub machine: Machine,
    pub stage: Option<StageJob>,
    pub slots: [Option<Content>; 3],
    /// In use, by arena; and by the slot that was built there.
    pub arenas: [Option<u8>; 2],
    pub clearing: [bool; 2],
    pub gates: u8,
    pub gates_open: bool,
    pub told: bool,
    pub quiesce: bool,
    pub beat: bool,
    pub device: Device,
    pub holder: Option<Holder>,
    pub last_granted: Option<Generation>,
    pub committed: Image,
    /// What the operator may go back to.
    pub previous: Option<Image>,
    pub transaction: Option<Client>,
    /// Updates wait for the operator; what was approved; the component is frozen; the operator wants the image before.
    pub asks: bool,
    pub approved: Option<[u64; 4]>,
    pub frozen: bool,
    pub back: bool,
    /// The device runs firmware; the arena whose firmware is being transferred, and the one whose was.
    pub firmware: bool,
    pub transferring: Option<u8>,
    pub transferred: Option<u8>,
    /// The generation whose firmware is what the device starts with.
    pub confirmed_firmware: Option<Generation>,
    pub store: bool,
    /// The slot that is being kept, and the one that was kept last.
    pub keeping: Option<u8>,
    pub kept: Option<u8>,
    /// The list of keys in force, and the one that is offered; 0: there is none. The list with which each slot's content was
    /// verified.
    pub keys: u64,
    pub list: u64,
    pub verified_with: [u64; 3],
    /// A list is being kept, and the one that was kept last.
    pub keeping_keys: bool,
    pub kept_keys: u64,
    /// The offer is confirmed, by the client that made it and with its handle.
    pub confirmed: bool,
    /// It was confirmed for another component of the same transaction.
    pub joined: bool,
    /// An error of the holder was reported.
    pub erring: bool,
    /// Bit n: client n is gone.
    pub gone: u8,
    /// For how long each client still defers updates; and for how long the one under way still has to wait for it, once that has begun.
    pub defers: [u64; 2],
    pub left: Option<[u64; 2]>,
    /// Bit n: the update waits for client n.
    pub waits_for: u8,
    /// They may.
    pub deferrable: bool,
    /// Bit n: client n has to give the device up.
    pub consents: u8,
    /// The operator has forced the update under way.
    pub forced: bool,
    pub failed: Vec<[u64; 4]>,
    /// Starts of the committed image since one served well.
    pub starts: u8,
    pub offers: u8,
    pub faults: u8,
    /// Commands of the operator.
    pub orders: u8,
    /// The first rule that was broken.
    pub broken: Option<&'static str>,
}

pub const HANDLE: u64 = 77;
/// The only client that may update.
pub const ALLOWED: Client = 0;

/// How long keeping may take in worlds with a store.
pub const KEEP: u64 = 60;
/// How long a transfer may take in worlds with firmware.
pub const TRANSFER: u64 = 55;

pub fn config() -> Config {
    Config {
        clients: 0b11,
        errors_allowed: 0,
        attempts: 2,
        settled: 0,
        ..limits()
    }
}

/// How long an update waits for each client in worlds where they may defer it: not at all for the third.
pub const DEFER: [u64; 2] = [40, 60];

impl World {
    /// With `store`, an image is committed only when it outlives the power.
    /// With `orders`, so many commands of an operator, who is to approve each update if `asks`.
    /// With `firmware`, the device runs firmware that comes with its driver.
    /// `limits`: those that are not said by the other arguments. So many offers, faults and orders.
    pub fn with(
        limits: Config,
        store: bool,
        firmware: bool,
        (offers, faults, orders): (u8, u8, u8),
        asks: bool,
    ) -> Self {
        let keep = store.then_some(KEEP);
        let approved = u8::from(asks);
        let deferrable = limits.defer != [0; CLIENTS];
        let consents = limits.consents;
        let config = Config {
            keep,
            approved,
            transfer: firmware.then_some(TRANSFER),
            ..limits
        };
        let mut world = Self {
            machine: Machine::new(config, 10),
            firmware,
            transferring: None,
            transferred: None,
            confirmed_firmware: None,
            store,
            keeping: None,
            kept: None,
            keys: 0,
            list: 0,
            verified_with: [0; 3],
            keeping_keys: false,
            kept_keys: 0,
            stage: None,
            slots: [Some((10, [10; 4])), None, None],
            arenas: [None; 2],
            clearing: [false; 2],
            gates: 0,
            gates_open: false,
            told: false,
            quiesce: false,
            beat: false,
            device: Device::Stopped,
            holder: None,
            last_granted: None,
            committed: Image {
                slot: 0,
                sequence: 10,
                digest: [0; 4],
            },
            previous: None,
            transaction: None,
            asks,
            approved: None,
            frozen: false,
            back: false,
            confirmed: false,
            joined: false,
            erring: false,
            gone: 0,
            defers: [0; 2],
            left: None,
            waits_for: 0,
            deferrable,
            consents,
            forced: false,
            failed: Vec::new(),
            starts: 0,
            offers,
            faults,
            orders,
            broken: None,
        };
        world.give(Mutant::None, 0, Event::Start);
        world
    }

    /// Lets an event happen after `wait` us, and carries out what the machine (or its mutant) wants.
    pub fn give(&mut self, mutant: Mutant, wait: u64, event: Event) {
        if event == Event::Tick && self.machine.phase() == Phase::Waiting {
            // `stage` is stuck with something else: an attempt at building the committed image that could not begin.
            self.starts = self.starts.saturating_add(1);
        }
        for left in self.defers.iter_mut().chain(self.left.iter_mut().flatten()) {
            *left = left.saturating_sub(wait);
        }
        self.before(event);
        let actions = mutant.step(&mut self.machine, wait, event);
        self.machine.rebase(wait);
        self.rule(
            actions.len() < actions.capacity(),
            "a step has too many actions",
        );
        for action in actions {
            self.carry_out(action);
        }
        let waits = self.machine.phase() == Phase::Deferred;
        self.rule(
            waits == (self.waits_for != 0),
            "a deferred update waits for nobody, or one that goes on for somebody",
        );
        let left = self.left;
        let has_time = |n: usize| {
            self.waits_for & 1 << n != 0 && left.is_some_and(|left| left[n].min(self.defers[n]) > 0)
        };
        let in_time = (0..2).any(has_time);
        self.rule(!waits || in_time, "an update waits for longer than it may");
        self.rule(
            !waits || !self.forced && !self.back,
            "an update waits that the operator has forced",
        );
        if self.transaction.is_none() {
            (self.left, self.forced) = (None, false);
        }
        if let Phase::Closing { gates, .. } = self.machine.phase() {
            self.rule(
                gates & self.gone == 0,
                "a client that is gone is waited for",
            );
        }
        if let (true, Phase::Idle, Some(holder)) =
            (self.firmware, self.machine.phase(), self.holder)
        {
            self.rule(
                self.confirmed_firmware == Some(holder.generation),
                "the device was not told to keep the committed firmware",
            );
        }
        self.rule(
            self.machine.committed() == self.committed,
            "a sequence number was consumed without a commit",
        );
    }

    pub fn rule(&mut self, holds: bool, text: &'static str) {
        if !holds && self.broken.is_none() {
            self.broken = Some(text);
        }
    }

    fn before(&mut self, event: Event) {
        match event {
            Event::Verified { sequence, digest } => {
                if let Some(StageJob::Verify { slot }) = self.stage {
                    self.slots[usize::from(slot)] = Some((sequence, digest));
                    self.verified_with[usize::from(slot)] = self.keys;
                }
                self.stage = None;
            }
            Event::KeysVerified { sequence } => {
                self.list = sequence;
                self.stage = None;
            }
            Event::Built | Event::StageFailed(_) => self.stage = None,
            Event::ArenaCleared(arena) => {
                self.clearing[usize::from(arena)] = false;
                self.arenas[usize::from(arena)] = None;
            }
            Event::Kept if self.machine.keeps_keys() => {
                self.keeping_keys = false;
                self.kept_keys = self.list;
            }
            Event::KeepFailed(_) if self.machine.keeps_keys() => self.keeping_keys = false,
            Event::Kept => self.kept = self.keeping.take().or(self.kept),
            Event::KeepFailed(_) => self.keeping = None,
            Event::GateClosed(client) => self.gates &= !(1 << client),
            Event::Transferred(generation)
                if self.holder.is_some_and(|h| h.generation == generation) =>
            {
                self.transferred = self.transferring.take().or(self.transferred);
            }
            Event::TransferFailed(generation)
                if self.holder.is_some_and(|h| h.generation == generation) =>
            {
                self.transferring = None;
            }
            Event::Quiesced(_) => self.quiesce = false,
            Event::Stopped if self.device == Device::Stopping => self.device = Device::Stopped,
            Event::Beat(_) => self.beat = false,
            Event::Ready(generation) => {
                if let Some(holder) = &mut self.holder {
                    holder.ready |= holder.generation == generation;
                }
            }
            Event::Health {
                generation,
                completions: 4..,
                errors: 0,
                ..
            } if self
                .holder
                .is_some_and(|h| h.generation == generation && h.ready && !h.suspended) =>
            {
                self.starts = 0;
            }
            Event::Join(_) => self.joined = true,
            Event::Confirm { client, handle } => {
                self.confirmed |= self.transaction == Some(client) && handle == HANDLE;
            }
            Event::Health {
                generation,
                errors: 1..,
                ..
            } => {
                let holder = self.holder.filter(|h| h.ready && !h.suspended);
                self.erring |= holder.is_some_and(|h| h.generation == generation);
            }
            Event::ClientGone(client) => {
                self.gone |= 1 << client;
                self.gates &= !(1 << client);
            }
            Event::ClientBack(client) => self.gone &= !(1 << client),
            Event::Defer { client, until } => self.defers[usize::from(client)] = until,
            Event::Force(digest) => {
                self.forced |= self.machine.candidate().is_some_and(|i| i.digest == digest)
                    && self.transaction.is_some()
                    && self.gates_open;
            }
            Event::Forgive => self.failed.clear(),
            Event::ForgiveImage(digest) => self.failed.retain(|failed| *failed != digest),
            Event::Approve(digest) if self.machine.waits().is_some() => {
                self.approved = Some(digest)
            }
            Event::Freeze(frozen) => self.frozen = frozen,
            Event::RollBack if self.machine.phase() == Phase::Idle => {
                self.back = self.previous.is_some();
            }
            // The device is stopped, or is stopped once more.
            Event::Readmit if matches!(self.machine.phase(), Phase::OutOfService(_)) => {
                self.starts = 0;
            }
            _ => {}
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Verify {
                slot,
                committed,
                client,
                keys,
            } => {
                self.rule(
                    keys == self.keys,
                    "stage is told of another list of keys than the one in force",
                );
                self.rule(
                    (self.confirmed || self.joined) && self.transaction == Some(client),
                    "a bundle is copied that its client did not confirm with its handle",
                );
                self.rule(self.stage.is_none(), "two commands to stage at once");
                self.rule(
                    slot != 0 && slot != self.committed.slot,
                    "the committed or the factory image is overwritten",
                );
                self.rule(
                    committed >= self.committed.sequence
                        && committed >= self.previous.map_or(0, |previous| previous.sequence),
                    "stage is told a wrong sequence number",
                );
                self.slots[usize::from(slot)] = None;
                self.previous = self.previous.filter(|previous| previous.slot != slot);
                self.approved = None;
                self.stage = Some(StageJob::Verify { slot });
            }
            Action::Build { slot, arena, .. } => {
                self.rule(self.stage.is_none(), "two commands to stage at once");
                self.rule(
                    self.arenas[usize::from(arena)].is_none(),
                    "a generation is built in an arena that is in use",
                );
                let back = self.back && self.previous.is_some_and(|p| p.slot == slot);
                let update = self.content(slot).is_some_and(|(sequence, digest)| {
                    sequence > self.committed.sequence && !self.failed.contains(&digest)
                });
                let signed = slot == self.committed.slot || update || back;
                self.rule(signed, "an image is built that may not run");
                self.rule(
                    !update || self.verified_with[usize::from(slot)] == self.keys,
                    "an update is built that was verified with other keys",
                );
                if slot != self.committed.slot && !back {
                    let digest = self.content(slot).map(|(_, digest)| digest);
                    self.rule(
                        !self.asks || self.approved == digest,
                        "an image is built that nobody approved",
                    );
                    self.rule(!self.frozen, "an update is built while they are frozen");
                }
                if slot == self.committed.slot {
                    self.starts = self.starts.saturating_add(1);
                }
                self.arenas[usize::from(arena)] = Some(slot);
                self.stage = Some(StageJob::Build);
            }
            Action::Transfer { generation, arena } => {
                let serves = self.holder.is_some_and(|h| {
                    h.generation == generation && h.arena != arena && h.ready && !h.suspended
                });
                self.rule(
                    serves && self.gates_open,
                    "transferred by one that does not serve",
                );
                self.rule(
                    self.stage.is_none() && self.arenas[usize::from(arena)].is_some(),
                    "transferred before it was built",
                );
                self.transferring = Some(arena);
            }
            Action::Confirm(generation) => {
                let holder = self
                    .holder
                    .filter(|h| h.generation == generation && h.ready);
                self.rule(
                    holder.is_some_and(|h| h.slot == self.committed.slot),
                    "the device is told to keep firmware that is not committed",
                );
                self.confirmed_firmware = Some(generation);
            }
            Action::Prepare { arena, .. } => {
                self.rule(
                    self.stage.is_none() && self.arenas[usize::from(arena)].is_some(),
                    "prepared before it was built",
                );
                self.rule(
                    !self.firmware || self.transferred == Some(arena),
                    "swapped before the device had the firmware",
                );
            }
            Action::Quiesce(_) => self.quiesce = true,
            Action::WaitFor(by) => {
                let bounds = self.machine_defers();
                let left = self.left.get_or_insert(bounds);
                for (n, left) in left.iter_mut().enumerate() {
                    if self.waits_for & !by & 1 << n != 0 {
                        *left = 0;
                    }
                }
                self.waits_for = by;
                let some = by & self.gone == 0
                    && (0..2).all(|n| by & 1 << n == 0 || self.defers[n] > 0 && bounds[n] > 0);
                self.rule(some, "an update waits for a client that does not defer it");
            }
            Action::CloseGates => {
                if self.machine.candidate().is_some() && !self.forced && !self.back {
                    let left = self.left.unwrap_or(self.machine_defers());
                    let defers =
                        |n: usize| self.gone & 1 << n == 0 && self.defers[n].min(left[n]) > 0;
                    let disturbs = (0..2).any(defers);
                    self.rule(!disturbs, "an update disturbs a client that defers it");
                    let given_up = !(0..2).any(|n| self.has_not_given_up(n));
                    self.rule(given_up, "an update takes a device that is in use");
                }
                self.gates = 0b11 & !self.gone;
                self.gates_open = false;
            }
            Action::FailGates => {
                self.rule(!self.gates_open, "clients are in their regions");
                self.told = true;
            }
            Action::Reclaim => {
                self.rule(self.told, "a component comes back that was in service");
                self.told = false;
            }
            Action::Decline(_) => {}
            Action::OpenGates(generation) => {
                let ready = self
                    .holder
                    .is_some_and(|h| h.generation == generation && h.ready && !h.suspended);
                self.rule(ready, "resumed before the generation was ready");
                self.gates_open = true;
            }
            Action::Suspend(_) => {
                if let Some(holder) = &mut self.holder {
                    let first = !core::mem::replace(&mut holder.suspended, true);
                    let slot = holder.slot;
                    // An update's image that had the device and loses it: it is not to come back.
                    if first
                        && !self.back
                        && slot != self.committed.slot
                        && let Some((_, digest)) = self.content(slot)
                        && !self.failed.contains(&digest)
                    {
                        self.failed.push(digest);
                    }
                }
            }
            Action::StopDevice => {
                self.rule(
                    self.holder.is_none_or(|h| h.suspended),
                    "the device is stopped under a driver that can start it",
                );
                self.device = Device::Stopping;
            }
            Action::Deny(generation) => {
                self.rule(
                    self.device == Device::Stopped,
                    "revoked before the stop was acknowledged",
                );
                self.rule(
                    self.holder.is_some_and(|h| h.generation == generation),
                    "denied to one that does not hold",
                );
                self.holder = None;
            }
            Action::Grant { generation, arena } => {
                self.rule(!self.told, "clients have what they were lent");
                self.rule(self.holder.is_none(), "two generations hold the device");
                self.rule(
                    self.last_granted.is_none_or(|last| last < generation),
                    "a generation's number is used again",
                );
                self.rule(
                    !self.clearing[usize::from(arena)],
                    "granted to one that is being cleared",
                );
                self.last_granted = Some(generation);
                self.device = Device::Running;
                self.quiesce = false;
                self.beat = false;
                self.erring = false;
                let slot = self.arenas[usize::from(arena)].unwrap_or(9);
                self.holder = Some(Holder {
                    generation,
                    arena,
                    suspended: false,
                    ready: false,
                    slot,
                });
            }
            Action::ClearArena(arena) => {
                self.rule(
                    self.holder.is_none_or(|h| h.arena != arena),
                    "the arena of the holder is revoked",
                );
                self.transferring = self.transferring.filter(|from| *from != arena);
                self.transferred = self.transferred.filter(|from| *from != arena);
                self.clearing[usize::from(arena)] = true;
            }
            Action::Keep { slot, client } => {
                let runs = self.holder.is_some_and(|h| h.slot == slot && h.ready);
                self.rule(runs, "an image is kept that does not run");
                self.rule(
                    self.transaction == client && (client.is_some() || self.back),
                    "kept without a transaction",
                );
                self.rule(!self.erring, "kept what answered with errors");
                self.keeping = Some(slot);
                self.kept = None;
            }
            Action::KeepKeys { client, .. } => {
                self.rule(
                    self.transaction == Some(client) && self.list > self.keys,
                    "a list of keys is kept that is not newer, or without a transaction",
                );
                self.keeping_keys = true;
            }
            Action::Blame { client, .. } => self.rule(
                self.transaction == Some(client),
                "blamed without a transaction",
            ),
            Action::AskBeat(_) => self.beat = true,
            Action::Report {
                client,
                status,
                reason,
            } => self.reported(client, status, reason),
            Action::Reject { .. } => {}
        }
    }

    /// Whether a client has a device that it has to give up.
    fn has_not_given_up(&self, n: usize) -> bool {
        self.consents & !self.gone & 1 << n != 0 && self.defers[n] > 0
    }

    fn reported(&mut self, client: Option<Client>, status: Status, reason: Reason) {
        if reason == Reason::InUse {
            let in_vain = |n: usize| self.left.unwrap_or(self.machine_defers())[n] == 0;
            let refused = (0..2).any(|n| self.has_not_given_up(n) && in_vain(n));
            self.rule(
                refused && !self.forced,
                "an update ends because of a device that is not in use, or too early",
            );
        }
        if status == Status::Offered {
            self.rule(!self.frozen, "an offer is taken while they are frozen");
            self.rule(self.transaction.is_none(), "two transactions at once");
            self.rule(
                client == Some(ALLOWED),
                "an offer is taken of a client that may not update",
            );
            self.transaction = client;
            self.confirmed = false;
            return;
        }
        if status == Status::Committed {
            if let Some(Holder { slot, .. }) = self.holder {
                let sequence = self.content(slot).map_or(0, |c| c.0);
                self.rule(
                    sequence > self.committed.sequence,
                    "committed a lower sequence number",
                );
                self.rule(
                    !self.store || self.kept == Some(slot),
                    "committed what does not outlive the power",
                );
                let digest = self.content(slot).map_or([0; 4], |c| c.1);
                let image = Image {
                    slot,
                    sequence,
                    digest,
                };
                self.previous = Some(core::mem::replace(&mut self.committed, image));
                self.starts = 0;
            }
            self.rule(self.holder.is_some(), "committed what does not run");
            // With a store, probation has ended before, with the order to keep the image.
            let judged = self.store || !self.erring;
            self.rule(judged, "committed what answered with errors");
        }
        if status == Status::KeysExchanged {
            self.rule(
                self.list > self.keys,
                "a list of keys is in force that is not newer",
            );
            self.rule(
                !self.store || self.kept_keys == self.list,
                "a list of keys is in force that does not outlive the power",
            );
            self.keys = self.list;
            self.previous = self.previous.filter(|previous| previous.slot == 0);
        }
        if status == Status::RolledBack && self.back && client.is_none() {
            // The image before runs, or the committed one still does.
            let slot = self.holder.map(|holder| holder.slot);
            if reason == Reason::Operator && slot == self.previous.map(|p| p.slot) {
                self.committed = self.previous.unwrap_or(self.committed);
                self.rule(
                    !self.store || self.kept == slot,
                    "went back to what does not outlive the power",
                );
                self.starts = 0;
            }
            self.previous = None;
            self.back = false;
        }
        if status == Status::OutOfService {
            self.back = false;
            self.rule(self.told, "out of service, and no client was told");
            self.rule(
                reason == Reason::StopTimeout || self.starts >= config().attempts,
                "out of service too early",
            );
        }
        if status.is_final() && client.is_some() {
            self.rule(
                self.transaction.is_some() && self.transaction == client,
                "a transaction ends twice",
            );
            self.transaction = None;
        }
    }

    /// How long an update waits for each client.
    fn machine_defers(&self) -> [u64; 2] {
        match self.deferrable {
            true => DEFER,
            false => [0; 2],
        }
    }

    /// Whether it makes a difference who defers an update: one is being built, or waits.
    pub fn is_asked_soon(&self) -> bool {
        let soon = matches!(self.machine.phase(), Phase::Building | Phase::Deferred);
        soon && self.machine.candidate().is_some()
    }

    /// What clients say while no update can ask them would only make more states.
    pub fn defer_no_more(&mut self, mutant: Mutant) {
        for client in 0..2 {
            if self.defers[usize::from(client)] != 0 && !self.is_asked_soon() {
                self.give(mutant, 0, Event::Defer { client, until: 0 });
            }
        }
    }

    fn content(&self, slot: u8) -> Option<Content> {
        self.slots.get(usize::from(slot)).copied().flatten()
    }

    /// Whether something is being kept that the machine waits for, or may still be told of.
    pub fn keeps(&self) -> bool {
        match self.machine.keeps_keys() {
            true => self.keeping_keys,
            false => self.keeping.is_some(),
        }
    }

    /// Whether everything has come to an end that this world may be left in.
    pub fn at_rest(&self) -> bool {
        let rests = matches!(self.machine.phase(), Phase::Idle | Phase::OutOfService(_));
        rests && self.transaction.is_none() && self.clearing == [false; 2]
    }
}
