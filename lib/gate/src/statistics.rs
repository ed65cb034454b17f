// SPDX-License-Identifier: BSD-2-Clause
//! The counters that a client keeps for `update`, of all components together.

use core::sync::atomic::{AtomicU64, Ordering};

/// Index of the first word of the statistics in `to_update`.
pub const STATISTICS: usize = 448;

/// A client's counters since its start, one word each in this order. A reader may see some newer than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Requests completed towards the guest.
    pub requests: u64,
    /// Requests completed with an error status.
    pub errors: u64,
    /// Longest time from a request's submission to its completion, in ns.
    pub max_latency_ns: u64,
    /// Bytes that were compared and found right (by native clients; a VMM writes 0).
    pub bytes_verified: u64,
}

impl Statistics {
    /// Writes the counters into the page `to_update`.
    pub fn write(&self, to_update: &[AtomicU64]) {
        let values = [
            self.requests,
            self.errors,
            self.max_latency_ns,
            self.bytes_verified,
        ];
        for (word, value) in to_update.iter().skip(STATISTICS).zip(values) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Reads the counters from the page `to_update`.
    #[must_use]
    pub fn read(to_update: &[AtomicU64]) -> Self {
        let word = |i: usize| {
            to_update
                .get(STATISTICS + i)
                .map_or(0, |w| w.load(Ordering::Relaxed))
        };
        Self {
            requests: word(0),
            errors: word(1),
            max_latency_ns: word(2),
            bytes_verified: word(3),
        }
    }
}
