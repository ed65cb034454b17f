// SPDX-License-Identifier: BSD-2-Clause
//! The client's side of the gate of one component.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{Account, COMPONENTS, Gate, State};

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
    to_update: &'a [AtomicU64],
    component: usize,
    seen: Gate,
}

impl<'a> ClientGate<'a> {
    /// The gate of `component` in a pair of pages; the slices are the whole pages. A component beyond the last has a gate
    /// that never opens.
    #[must_use]
    pub fn new(to_client: &'a [AtomicU64], to_update: &'a [AtomicU64], component: usize) -> Self {
        Self {
            to_client,
            to_update,
            component,
            seen: Gate::default(),
        }
    }

    /// Looks for a change. Returns the same change until it is acknowledged or overtaken by the next.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        if self.component >= COMPONENTS {
            return None;
        }
        let word = self.to_client.get(self.component)?;
        let gate = Gate::from_word(word.load(Ordering::Acquire));
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
        if let Some(word) = self.to_update.get(self.component) {
            word.store(gate.to_word(), Ordering::Release);
        }
    }

    /// Reports how the component's generation serves this client. After a violation `update` is to be notified.
    pub fn account(&self, account: Account) {
        if self.component >= COMPONENTS {
            return;
        }
        if let Some(word) = self.to_update.get(COMPONENTS + self.component) {
            word.store(account.to_word(), Ordering::Relaxed);
        }
    }

    /// Whether the region may be touched: the last acknowledged change opened the gate, and no newer one waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.seen.state == State::Open && self.change().is_none()
    }
}
