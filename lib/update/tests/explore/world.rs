// SPDX-License-Identifier: BSD-2-Clause
//! A world around the machine that answers, fails, stays silent or lies, and a ghost that keeps its own books of what
//! the machine was allowed to do.

mod actions;
mod events;
mod reports;

use molt_update::{CLIENTS, Client, Config, Event, Generation, Image, Machine, Phase};

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

    /// Whether a client has a device that it has to give up.
    fn has_not_given_up(&self, n: usize) -> bool {
        self.consents & !self.gone & 1 << n != 0 && self.defers[n] > 0
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
