// SPDX-License-Identifier: BSD-2-Clause
//! Whether a client defers updates: a word for each component in each direction, which stand until they are written anew.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::word::of_component;
use crate::{COMPONENTS, Gate, State};

/// Index of the first word in both pages.
pub const DEFERRALS: usize = 32;

/// The client's side, for all components. Times are those of the counter, in us.
#[derive(Clone, Copy)]
pub struct Deferrals<'a> {
    to_client: &'a [AtomicU64],
    to_update: &'a [AtomicU64],
}

impl<'a> Deferrals<'a> {
    /// The words in a pair of pages; the slices are the whole pages.
    #[must_use]
    pub const fn new(to_client: &'a [AtomicU64], to_update: &'a [AtomicU64]) -> Self {
        Self {
            to_client,
            to_update,
        }
    }

    /// The client defers updates of `component` until then; 0: not any more. Returns whether an update waits for it, so that `update`
    /// is to be notified.
    #[must_use]
    pub fn defer(&self, component: usize, until: u64) -> bool {
        if let Some(word) = word(self.to_update, component) {
            word.store(until, Ordering::Release);
        }
        self.waits(component)
    }

    /// Until when it defers updates of `component`.
    #[must_use]
    pub fn until(&self, component: usize) -> u64 {
        read(self.to_update, component)
    }

    /// Whether an update of `component` waits for this client.
    #[must_use]
    pub fn waits(&self, component: usize) -> bool {
        read(self.to_client, component) != 0
    }

    /// Whether the device of `component` is there. If not, an update or a recovery is carried out, and nobody is asked any more.
    #[must_use]
    pub fn is_there(&self, component: usize) -> bool {
        let gate = self
            .to_client
            .get(component)
            .filter(|_| component < COMPONENTS);
        let gate = gate.map(|word| Gate::from_word(word.load(Ordering::Acquire)));
        gate.is_some_and(|gate| gate.state == State::Open)
    }
}

/// The word of a component in one of the pages.
pub(crate) fn word(page: &[AtomicU64], component: usize) -> Option<&AtomicU64> {
    of_component(page, DEFERRALS, component)
}

/// The same word's value; 0 for a component beyond the last.
pub(crate) fn read(page: &[AtomicU64], component: usize) -> u64 {
    word(page, component).map_or(0, |word| word.load(Ordering::Acquire))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Warden;

    #[test]
    fn what_a_client_says_and_whether_it_is_waited_for() {
        let pages = [(); 2].map(|()| [const { AtomicU64::new(0) }; 512]);
        let [to_client, to_update] = &pages;
        let mut warden = Warden::new(to_client, to_update);
        let client = Deferrals::new(to_client, to_update);
        assert!(!client.is_there(1));
        warden.open(1, 4);
        assert!(client.is_there(1) && !client.is_there(0));
        assert!(!client.defer(1, 700), "no update waits");
        assert_eq!((warden.deferral(0), warden.deferral(1)), (0, 700));
        warden.wait_for(1, 600);
        assert!(client.waits(1) && !client.waits(0));
        assert!(client.defer(1, 0));
        assert_eq!((client.until(1), warden.deferral(1)), (0, 0));
        warden.wait_for(1, 0);
        assert!(!client.waits(1));
    }

    #[test]
    fn a_component_beyond_the_last_has_no_words() {
        let pages = [(); 2].map(|()| [const { AtomicU64::new(0) }; 512]);
        let [to_client, to_update] = &pages;
        let warden = Warden::new(to_client, to_update);
        let client = Deferrals::new(to_client, to_update);
        let _ = client.defer(COMPONENTS, 7);
        warden.wait_for(COMPONENTS, 7);
        assert!(!client.waits(COMPONENTS) && !client.is_there(COMPONENTS));
        assert_eq!(
            (client.until(COMPONENTS), warden.deferral(usize::MAX)),
            (0, 0)
        );
        let all = to_client.iter().chain(to_update);
        assert!(
            all.skip(COMPONENTS)
                .all(|word| word.load(Ordering::Relaxed) == 0)
        );
    }
}
