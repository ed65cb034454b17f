// SPDX-License-Identifier: BSD-2-Clause
//! How a client is denied a device while its driver is replaced.

use super::RegionId;

/// What is done beside holding the client's requests. None of it: the technique `hold`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Techniques {
    /// The guest's link goes down and up, or its disk is unplugged and plugged.
    pub unplug: bool,
    /// The guest's vCPUs stand still.
    pub pause: bool,
    /// The client's VMM serves what it can.
    pub stand_in: bool,
}

impl Techniques {
    /// The first of them by its name, if there is one.
    #[must_use]
    pub fn first(&self) -> Option<&'static str> {
        self.names().next()
    }

    /// Their names, as `technique=…` has them; none for `hold`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.unplug, "unplug"),
            (self.pause, "pause"),
            (self.stand_in, "stand-in"),
        ];
        all.into_iter()
            .filter_map(|(there, name)| there.then_some(name))
    }
}

/// How a guest stands still with the technique `pause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The guest's clock shows it.
    pub shown: bool,
    /// The longest, in microseconds.
    pub limit_us: u64,
    /// The description says something about it.
    pub described: bool,
}

/// The memory of a disk's stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// A region of the client's.
    pub region: RegionId,
    /// So many bytes of it are the log; the others are the cache.
    pub log: u64,
}
