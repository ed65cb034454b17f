// SPDX-License-Identifier: BSD-2-Clause
//! How often a client is heard, and how often it may offer.
//!
//! Each command of a doorbell costs `update` a turn, lines on the console and perhaps a record in flash, at a priority above
//! all drivers and guests. So a client that rings more often than [`Pace`] allows is heard later: its newest command stays
//! where it is, and those before it are overwritten, as its guest wrote them. Nobody else waits for that.

use heapless::Deque;
use molt_system::{MAX_OFFERS, OfferLimit};
use molt_update::Micros;

/// Commands that a client may give one after the other.
const BURST: u64 = 32;
/// The time in us after which it may give one more.
const EVERY_US: Micros = 125_000;

/// When a client is heard: a bucket of [`BURST`] commands, into which one comes every [`EVERY_US`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// The time at which the bucket is full again, in us.
    full: Micros,
}

impl Pace {
    /// The time from which on a command is heard, in us.
    pub fn from(&self) -> Micros {
        self.full.saturating_sub((BURST - 1) * EVERY_US)
    }

    /// A command is heard.
    pub fn hear(&mut self, now: Micros) {
        self.full = self.full.max(now).saturating_add(EVERY_US);
    }
}

/// The offers of a client for one component that are counted.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// When they were made, oldest first.
    times: Deque<Micros, MAX_OFFERS>,
    /// An offer was refused since the last that was not.
    refused: bool,
}

impl Offers {
    /// An offer is made. Returns whether it is within the limit; one that is not does not count.
    pub fn make(&mut self, now: Micros, limit: &OfferLimit) -> bool {
        if limit.offers == 0 {
            return true;
        }
        while let Some(oldest) = self.times.front()
            && now.saturating_sub(*oldest) >= limit.per_us
        {
            self.times.pop_front();
        }
        let allowed = (limit.offers as usize).min(MAX_OFFERS);
        let within = self.times.len() < allowed && self.times.push_back(now).is_ok();
        if within {
            self.refused = false;
        }
        within
    }

    /// An offer was refused because of the limit. Returns whether it is the first since the last that was not: only that one is
    /// traced and recorded, the others are counted.
    pub fn refuse(&mut self) -> bool {
        !core::mem::replace(&mut self.refused, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_heard_at_once_and_then_one_at_a_time() {
        let mut pace = Pace::default();
        let start = 9_000_000;
        for _ in 0..BURST {
            assert!(pace.from() <= start);
            pace.hear(start);
        }
        assert_eq!(pace.from(), start + EVERY_US);
        pace.hear(start + EVERY_US);
        assert_eq!(pace.from(), start + 2 * EVERY_US);
        let later = start + 1_000 * EVERY_US;
        for _ in 0..BURST {
            assert!(pace.from() <= later, "the bucket is full again");
            pace.hear(later);
        }
        assert!(pace.from() > later);
    }

    #[test]
    fn so_many_offers_in_any_time_of_that_length() {
        let limit = OfferLimit {
            offers: 2,
            per_us: 100,
            ..OfferLimit::default()
        };
        let mut offers = Offers::default();
        assert!(offers.make(0, &limit) && offers.make(60, &limit));
        assert!(!offers.make(99, &limit));
        assert!(offers.refuse() && !offers.refuse(), "only the first");
        assert!(offers.make(100, &limit), "the first one is long ago");
        assert!(!offers.make(159, &limit), "the second one is not");
        assert!(offers.refuse(), "the first since one that was taken");
        assert!(offers.make(160, &limit));
    }

    #[test]
    fn no_limit() {
        let mut offers = Offers::default();
        assert!((0..100).all(|_| offers.make(1, &OfferLimit::default())));
    }
}
