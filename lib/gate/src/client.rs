// SPDX-License-Identifier: BSD-2-Clause
//! The client's side of the gate of one component.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{Account, COMPONENTS, Gate, State, denial};

/// A change of the gate that the client has not acknowledged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Leave the region alone, then [`ClientGate::acknowledge`] and notify `update`.
    Close(Gate),
    /// The region is there again and belongs to the driver's generation of this number: write the queue anew, then
    /// [`ClientGate::acknowledge`], notify `update` and the driver.
    Open(Gate, u64),
    /// The component is out of service: leave the region alone, answer everything with errors, then
    /// [`ClientGate::acknowledge`] and notify `update`.
    OutOfService(Gate),
}

/// Number of the generation that `component` is granted to, or was granted to last. `to_client` is the whole page. 0 for
/// a component beyond the last.
#[must_use]
pub fn granted(to_client: &[AtomicU64], component: usize) -> u64 {
    (component < COMPONENTS)
        .then(|| to_client.get(COMPONENTS + component))
        .flatten()
        .map_or(0, |word| word.load(Ordering::Relaxed))
}

/// The gate of one component, as a client sees it. It starts closed.
pub struct ClientGate<'a> {
    to_client: &'a [AtomicU64],
    component: usize,
    /// The component's words in both pages: the gate, what of it was seen, and the account.
    gate: Option<&'a AtomicU64>,
    acknowledged: Option<&'a AtomicU64>,
    accounted: Option<&'a AtomicU64>,
    denied: Option<&'a AtomicU64>,
    seen: Gate,
    /// The same as a word, with which the gate's is compared first: it is looked at with each request.
    seen_word: u64,
}

impl<'a> ClientGate<'a> {
    /// The gate of `component` in a pair of pages; the slices are the whole pages. A component beyond the last has a gate
    /// that never opens.
    #[must_use]
    pub fn new(to_client: &'a [AtomicU64], to_update: &'a [AtomicU64], component: usize) -> Self {
        let there = component < COMPONENTS;
        let place = |page: &'a [AtomicU64], n| page.get(n).filter(|_| there);
        Self {
            to_client,
            component,
            gate: place(to_client, component),
            acknowledged: place(to_update, component),
            accounted: place(to_update, COMPONENTS + component),
            denied: denial::word(to_client, component),
            seen: Gate::default(),
            seen_word: Gate::default().to_word(),
        }
    }

    /// Looks for a change. Returns the same change until it is acknowledged or overtaken by the next.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        let word = self.gate?.load(Ordering::Acquire);
        if word == self.seen_word {
            return None;
        }
        let gate = Gate::from_word(word);
        if gate == self.seen {
            return None;
        }
        Some(match gate.state {
            State::Closed => Change::Close(gate),
            State::Open => Change::Open(gate, granted(self.to_client, self.component)),
            State::OutOfService => Change::OutOfService(gate),
        })
    }

    /// Acknowledges a change. From now on [`Self::is_open`] reflects it.
    pub fn acknowledge(&mut self, change: Change) {
        let (Change::Close(gate) | Change::Open(gate, _) | Change::OutOfService(gate)) = change;
        self.seen = gate;
        self.seen_word = gate.to_word();
        if let Some(word) = self.acknowledged {
            word.store(self.seen_word, Ordering::Release);
        }
    }

    /// Reports how the component's generation serves this client. After a violation `update` is to be notified.
    pub fn account(&self, account: Account) {
        if let Some(word) = self.accounted {
            word.store(account.to_word(), Ordering::Relaxed);
        }
    }

    /// Whether the region may be touched: the last acknowledged change opened the gate, and no newer one waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.seen.state == State::Open && self.change().is_none()
    }

    /// Whether the component is denied: the gate is closed, which was acknowledged, and the device is at rest. What was asked of the old
    /// generation will not be carried out any more, and the memory that it was given for that belongs to the client again.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let denied = self.denied.map_or(0, |word| word.load(Ordering::Acquire));
        self.seen.state == State::Closed && denied != 0 && denied == self.seen.epoch
    }
}
