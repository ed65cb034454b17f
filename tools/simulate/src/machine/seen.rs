// SPDX-License-Identifier: BSD-2-Clause
//! What a guest has seen.

/// What a run's guest has seen of the technique, for tests that mean to show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests that were answered.
    pub answered: u64,
    /// Those of them that were asked and answered while the driver was away.
    pub stood_in: u64,
    /// Records of the log that drivers have written.
    pub records: u64,
    /// How often the guest stood still.
    pub pauses: u64,
    /// Flushes that have succeeded.
    pub flushes: u64,
    /// How often the guest has given its disk up, and has taken it again.
    pub unplugged: u64,
    pub plugged: u64,
    /// Requests that have failed.
    pub failed: u64,
}
