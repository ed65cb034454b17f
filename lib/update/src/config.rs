// SPDX-License-Identifier: BSD-2-Clause
//! The machine's limits.

use crate::{CLIENTS, Micros};

/// Limits of one component. Times are durations in us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Bit n: client n has a gate for this component.
    pub clients: u8,
    /// Bundle slots, slot 0 being the factory image's; at least 3 for updates to be possible.
    pub slots: u8,
    /// How long an offer waits for its guest's confirm.
    pub offer: Micros,
    /// Bit n: the updates of client n wait for the operator's approval, once they are verified.
    pub approved: u8,
    /// How long they wait.
    pub approval: Micros,
    /// How long `stage` may take, once to verify, once to build.
    pub stage: Micros,
    /// How long an update waits at the most for each client that defers it; 0: it does not wait for that one.
    pub defer: [Micros; CLIENTS],
    /// Bit n: client n has to give the device up, and defers updates for as long as it uses it. An update that has waited for it in
    /// vain ends.
    pub consents: u8,
    /// How long it may take to transfer firmware to the device; `None`: the device runs none that comes with its driver.
    pub transfer: Option<Micros>,
    /// How long the old generation may take to quiesce, and clients to leave their regions.
    pub quiesce: Micros,
    /// How long the device may take to stop.
    pub stop: Micros,
    /// How long a new generation may take to be ready. One that brings the committed image back may take as long as a transfer in
    /// addition: the device may have lost the firmware.
    pub ready: Micros,
    /// Length of probation.
    pub probation: Micros,
    /// Error-free completions that end probation early.
    pub probation_completions: u64,
    /// Completions with an error that are allowed on probation, in addition to those that are expected of the medium.
    pub errors_allowed: u64,
    /// How long a failed image is refused; `None`: until somebody forgives.
    pub remember: Option<Micros>,
    /// How long it may take to keep an image that has passed probation, or a list of keys; `None`: nothing outlives the power, and
    /// the image is committed at once, the list in force at once.
    pub keep: Option<Micros>,
    /// Time between two heartbeats.
    pub beat: Micros,
    /// How often in a row the committed image is started; not 0.
    pub attempts: u8,
    /// How often in a row the committed image may relapse: fail soon after it has passed probation.
    pub relapses: u32,
    /// A failure within this time after probation is a relapse.
    pub settled: Micros,
}
