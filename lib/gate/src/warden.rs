// SPDX-License-Identifier: BSD-2-Clause
//! `update`'s side of the gates of one client.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{Account, COMPONENTS, Gate, State, Statistics, deferral, denial};

/// The gates of one client. The state is kept privately: what `update` writes into the pages is never read back.
pub struct Warden<'a> {
    to_client: &'a [AtomicU64],
    to_update: &'a [AtomicU64],
    gates: [Gate; COMPONENTS],
}

impl<'a> Warden<'a> {
    /// Takes the pages over and writes all gates closed. The slices are the whole pages.
    pub fn new(to_client: &'a [AtomicU64], to_update: &'a [AtomicU64]) -> Self {
        let mut warden = Self {
            to_client,
            to_update,
            gates: [Gate::default(); COMPONENTS],
        };
        for component in 0..COMPONENTS {
            warden.write(component);
        }
        warden
    }

    /// Closes the gate of `component`. The client is to be notified afterwards.
    pub fn close(&mut self, component: usize) {
        self.change(component, State::Closed);
    }

    /// The device of `component`, whose gate is closed, is at rest, and nothing of the old generation reaches the client's memory. The client
    /// is to be notified afterwards.
    pub fn deny(&self, component: usize) {
        let gate = self.gates.get(component);
        let gate = gate.filter(|gate| gate.state == State::Closed);
        if let (Some(gate), Some(word)) = (gate, denial::word(self.to_client, component)) {
            word.store(gate.epoch, Ordering::Release);
        }
    }

    /// Opens the gate of `component` for `generation`. The client is to be notified afterwards.
    pub fn open(&mut self, component: usize, generation: u64) {
        if let Some(word) = self.to_client.get(COMPONENTS + component) {
            word.store(generation, Ordering::Relaxed);
        }
        self.change(component, State::Open);
    }

    /// Puts `component` out of service. The client is to be notified afterwards.
    pub fn out_of_service(&mut self, component: usize) {
        self.change(component, State::OutOfService);
    }

    /// Whether the client has acknowledged the newest change of this gate.
    #[must_use]
    pub fn acknowledged(&self, component: usize) -> bool {
        let (Some(gate), Some(word)) = (self.gates.get(component), self.to_update.get(component))
        else {
            return false;
        };
        word.load(Ordering::Acquire) == gate.to_word()
    }

    /// Whether the gate is open.
    #[must_use]
    pub fn is_open(&self, component: usize) -> bool {
        let gate = self.gates.get(component);
        gate.is_some_and(|gate| gate.state == State::Open)
    }

    /// The client's counters.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics::read(self.to_update)
    }

    /// The client's account of `component`; an empty one for a component beyond the last.
    #[must_use]
    pub fn account(&self, component: usize) -> Account {
        let word = (component < COMPONENTS)
            .then(|| self.to_update.get(COMPONENTS + component))
            .flatten();
        word.map_or(Account::default(), |word| {
            Account::from_word(word.load(Ordering::Relaxed))
        })
    }

    /// Until when the client defers updates of `component`, by the counter in us; 0: it does not.
    #[must_use]
    pub fn deferral(&self, component: usize) -> u64 {
        deferral::read(self.to_update, component)
    }

    /// An update of `component` waits for the client until then at the most; 0: none does.
    pub fn wait_for(&self, component: usize, until: u64) {
        if let Some(word) = deferral::word(self.to_client, component) {
            word.store(until, Ordering::Release);
        }
    }

    fn change(&mut self, component: usize, state: State) {
        if let Some(gate) = self.gates.get_mut(component) {
            gate.epoch += 1;
            gate.state = state;
            self.write(component);
        }
    }

    fn write(&mut self, component: usize) {
        if let (Some(gate), Some(word)) = (self.gates.get(component), self.to_client.get(component))
        {
            // Release: whoever sees the gate open sees the generation's number too.
            word.store(gate.to_word(), Ordering::Release);
        }
    }
}
