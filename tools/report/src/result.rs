// SPDX-License-Identifier: BSD-2-Clause
//! The summary of a run: the content of the JSON file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// `embedded`, or `sel4-` and the version.
    pub kernel: String,
    /// The board, by its name in an SDK.
    pub board: String,
    /// The kernel's configuration, by its name in an SDK.
    pub configuration: String,
    /// The machine's time source: the `host`'s clock, or counted `instructions`.
    #[serde(default)]
    pub clock: String,
    /// The guests, by name.
    pub guests: Vec<Guest>,
    /// The updates, in the order in which they ended.
    pub updates: Vec<Update>,
    /// No request was lost, doubled, wrong or in error, and everything expected was seen.
    pub passed: bool,
}

/// What an instance of the guest programs is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The bare-metal guest of this repository, or a native client in its place.
    #[default]
    Bare,
    /// A Linux.
    Linux,
}

/// One guest's account. For a Linux the counts are its VMM's, `bytes_verified` its program's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Its name in the system description.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Requests completed.
    pub requests: u64,
    /// Requests completed with an error, and blocks that read back wrong.
    pub errors: u64,
    /// Bytes read back and compared.
    pub bytes_verified: u64,
    /// The processors that it runs on, where it says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processors: Option<u64>,
    /// Bytes that came back over the network as they were sent, where the guest has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub net_bytes: Option<u64>,
    /// Values of sensors that were read and are plausible, where the guest reads any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sensor_reads: Option<u64>,
    /// How often the whole content of a ROM was read and was one version's, where the guest has a ROM.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rom_reads: Option<u64>,
    /// What it saw of updates beside longer requests, by name, and how often: `link-down`, `link-up`, `stale-values`,
    /// `hidden-pauses`, `clock-jumps`, `watchdog-expired`; and `pauses`, `reads-from-stand-in`, `writes-to-stand-in` and `accesses-waited`, which its VMM counts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub saw: BTreeMap<String, u64>,
    /// The versions of the controller's firmware that the values showed, or of the ROM's content, one after the other.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub firmware: Vec<u64>,
    /// Pings that got no answer, where the guest sends any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pings_lost: Option<u64>,
    /// The most of these that were lost one after the other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pings_lost_in_a_row: Option<u64>,
    /// The longest that a request took which a stand-in served while the driver was away, by its VMM's clock, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stand_in_longest_ns: Option<u64>,
    /// The longest that a request took, by the guest's own clock, in nanoseconds.
    pub max_latency_ns: u64,
    /// The 99th percentile of the same, where the guest measures it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p99_latency_ns: Option<u64>,
    /// The 99th percentile of requests that ended in a part of an update, where the guest measures it: `before` the first offer,
    /// `transferring` firmware to the device, `exchanging` driver and firmware, up to the end of the probation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub p99_in_updates_ns: BTreeMap<String, u64>,
    /// How often its VMM touched memory that was taken from it and had to be parked.
    pub parked: u64,
}

/// One transaction, from the ring to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The component, by name.
    pub component: String,
    /// The generation that ran before.
    pub from: u64,
    /// The generation that runs after.
    pub to: u64,
    /// `driver`, or `firmware` if the device is to run another firmware, with another driver or the same.
    pub kind: String,
    /// How the device was denied.
    pub technique: String,
    /// `committed`, `rolled back`, `refused` or `out of service`.
    pub outcome: String,
    /// Why, where it is not committed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// From the last completion by the old generation to the first by the new one, in nanoseconds.
    pub blackout_ns: u64,
    /// The part of it that is execution time, see the architecture's words, in nanoseconds.
    pub blackout_cpu_ns: u64,
    /// With firmware: how long its transfer to the device took, while that served, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transfer_ns: Option<u64>,
    /// With firmware: from the device's last answer under the old one to the first under the new one, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub activation_ns: Option<u64>,
    /// How long each stage took, in nanoseconds.
    pub stages: BTreeMap<String, u64>,
}

impl Update {
    /// How it ended, with the reason where there is one: `committed`, `rolled back: fault`.
    #[must_use]
    pub fn end(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.outcome),
            None => self.outcome.clone(),
        }
    }
}
