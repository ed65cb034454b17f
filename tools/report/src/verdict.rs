// SPDX-License-Identifier: BSD-2-Clause
//! Decides whether the run had the expected results.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::collector::Collector;
use crate::result::{Guest, Summary, Update};

/// How often something has to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Times {
    /// So often.
    Exactly(u64),
    /// So often, or more.
    AtLeast {
        /// So often.
        least: u64,
    },
}

impl Times {
    const fn fits(self, seen: u64) -> bool {
        match self {
            Self::Exactly(times) => seen == times,
            Self::AtLeast { least } => seen >= least,
        }
    }
}

/// The expected results of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// How the updates have to end, in order, each as [`Update::end`] prints it: `committed`, `refused: old-sequence`.
    #[serde(default)]
    pub outcomes: Vec<String>,
    /// How many updates have to end in each way; instead of `outcomes`, if there are very many.
    #[serde(default)]
    pub counts: BTreeMap<String, usize>,
    /// What each component starts with after power-on, in a system with a store: `disk: committed 5`, or
    /// `disk: factory 0: nothing-committed`.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Guests that die on the way: they do not get to their end, and nothing else is asked of them.
    #[serde(default)]
    pub dead: Vec<String>,
    /// Guests whose client is fenced in the end, sorted. Their requests end in errors.
    #[serde(default)]
    pub fenced: Vec<String>,
    /// Whether requests have to end in errors, since a component goes out of service: each guest sees some.
    #[serde(default)]
    pub io_errors: bool,
    /// Whether the guests can compare what they read (not on a disk that forgets).
    #[serde(default = "yes")]
    pub verified: bool,
    /// Whether every guest has to be at work until the last update has ended.
    #[serde(default)]
    pub under_load: bool,
    /// How often clients that touch a region while it is taken away are parked, in total.
    #[serde(default)]
    pub parked: u64,
    /// How many signs of life each guest shows at the least while a component is denied.
    #[serde(default)]
    pub alive: u64,
    /// The processors of guests, by the guest's name, as the guest counts them.
    #[serde(default)]
    pub processors: std::collections::BTreeMap<String, u64>,
    /// How many lines guests print that are counted (`count N`): none may be missing.
    #[serde(default)]
    pub counted: u64,
    /// How often guests are reset and start anew, in total.
    #[serde(default)]
    pub resets: u64,
    /// How many of these resets end while an update is under way, at the least.
    #[serde(default)]
    pub resets_in_updates: u64,
    /// Named figures of the trace: all that came under the name, in order.
    #[serde(default)]
    pub values: BTreeMap<String, Vec<u64>>,
    /// How the operator's commands end, in order: `ok`, or `refused` and the reason.
    #[serde(default)]
    pub answers: Vec<String>,
    /// How the deferrals of updates end, in order: the client, and how (`vmm_second: timeout`).
    #[serde(default)]
    pub deferrals: Vec<String>,
    /// The versions of a controller's firmware that the values of its sensors show, or of a ROM's content, one after the other. A guest that is done
    /// earlier sees the first of them, and one guest sees all.
    #[serde(default)]
    pub firmware: Vec<u64>,
    /// What each guest has to see of updates, by name ([`Guest::saw`]), and nothing else. Who is not named has to see nothing.
    #[serde(default)]
    pub saw: BTreeMap<String, BTreeMap<String, Times>>,
    /// How many pings in a row may get no answer: those of one swap.
    #[serde(default)]
    pub pings_lost_in_a_row: u64,
    /// Whether faults and queue violations are part of the scenario.
    #[serde(default)]
    pub complaints: bool,
}

fn yes() -> bool {
    true
}

/// Everything that is not as it must be; empty where the run has passed.
pub fn judge(summary: &Summary, collector: &Collector, expected: &Expectation) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(silence) = collector.silence() {
        // All the rest follows from it.
        return vec![silence];
    }
    let dies = |name: &str| expected.dead.iter().any(|dead| dead == name);
    for name in collector.unfinished().filter(|name| !dies(name)) {
        failures.push(match collector.over(name) {
            Some(why) => format!("guest '{name}' ended before it was done: {why}"),
            None => format!("guest '{name}' did not get to its end"),
        });
    }
    for name in &expected.dead {
        if collector.unfinished().all(|unfinished| unfinished != name) {
            failures.push(format!("guest '{name}' did not die"));
        }
    }
    if !expected.complaints {
        failures.extend(collector.complaints().iter().cloned());
    }
    for guest in summary.guests.iter().filter(|guest| !dies(&guest.name)) {
        let name = &guest.name;
        let fenced = expected.fenced.contains(name);
        if !fenced && (guest.errors != 0) != expected.io_errors {
            failures.push(format!("guest '{name}' saw {} error(s)", guest.errors));
        }
        if guest.requests == 0 {
            failures.push(format!("guest '{name}' completed no request"));
        }
        let alive = collector.alive(name);
        if alive < expected.alive {
            failures.push(format!(
                "guest '{name}' showed {alive} sign(s) of life in a blackout, expected {}",
                expected.alive
            ));
        }
        if expected.verified && guest.bytes_verified == 0 && guest.net_bytes.is_none() {
            failures.push(format!("guest '{name}' compared nothing"));
        }
        if guest.net_bytes == Some(0) {
            failures.push(format!("guest '{name}' got nothing back over the network"));
        }
        if guest.sensor_reads == Some(0) {
            failures.push(format!("guest '{name}' read no sensor"));
        }
        if guest.rom_reads == Some(0) {
            failures.push(format!("guest '{name}' did not read its ROM once"));
        }
        if !expected.firmware.starts_with(&guest.firmware) {
            failures.push(format!(
                "guest '{name}' read values of the firmware versions {:?}, expected {:?}",
                guest.firmware, expected.firmware
            ));
        }
        let nothing = BTreeMap::new();
        let wanted = expected.saw.get(name).unwrap_or(&nothing);
        let fits = |(what, seen): (&String, &u64)| wanted.get(what).is_some_and(|t| t.fits(*seen));
        let seen = |what| guest.saw.get(what).copied().unwrap_or(0);
        let all = (wanted.iter()).all(|(what, times)| times.fits(seen(what)));
        if !all || !guest.saw.iter().all(fits) {
            failures.push(format!(
                "guest '{name}' saw {:?}, expected {wanted:?}",
                guest.saw
            ));
        }
        let row = guest.pings_lost_in_a_row.unwrap_or(0);
        if row > expected.pings_lost_in_a_row {
            failures.push(format!(
                "guest '{name}' lost {row} pings in a row, expected at most {}",
                expected.pings_lost_in_a_row
            ));
        }
    }
    let whole = |guest: &Guest| guest.firmware == expected.firmware;
    if !expected.firmware.is_empty() && !summary.guests.iter().any(whole) {
        failures.push(format!(
            "no guest read values of all the firmware versions {:?}",
            expected.firmware
        ));
    }
    let fenced: Vec<&str> = collector.fenced().collect();
    if fenced != expected.fenced {
        failures.push(format!(
            "{fenced:?} are not believed any more, expected {:?}",
            expected.fenced
        ));
    }
    if collector.sources() != expected.sources {
        failures.push(format!(
            "the system started with {:?}, expected {:?}",
            collector.sources(),
            expected.sources
        ));
    }
    if collector.answers() != expected.answers {
        failures.push(format!(
            "the operator was answered {:?}, expected {:?}",
            collector.answers(),
            expected.answers
        ));
    }
    if collector.deferrals() != expected.deferrals {
        failures.push(format!(
            "updates were deferred {:?}, expected {:?}",
            collector.deferrals(),
            expected.deferrals
        ));
    }
    if expected.under_load {
        for name in collector.absent() {
            failures.push(format!("guest '{name}' was done before the update was"));
        }
    }
    if collector.counted() != expected.counted {
        failures.push(format!(
            "guests printed {} counted lines, expected {}",
            collector.counted(),
            expected.counted
        ));
    }
    let (resets, in_updates) = collector.resets();
    if resets != expected.resets || in_updates < expected.resets_in_updates {
        failures.push(format!(
            "guests started anew {resets} time(s), {in_updates} of them in an update; expected {}, at least {} of them in one",
            expected.resets, expected.resets_in_updates
        ));
    }
    for (name, wanted) in &expected.processors {
        let guest = summary.guests.iter().find(|guest| guest.name == *name);
        let count = guest.and_then(|guest| guest.processors);
        if count != Some(*wanted) {
            failures.push(format!(
                "guest '{name}' runs on {} processor(s), expected {wanted}",
                count.unwrap_or(0)
            ));
        }
    }
    let parked: u64 = summary.guests.iter().map(|guest| guest.parked).sum();
    if parked != expected.parked {
        failures.push(format!(
            "clients were parked {parked} time(s), expected {}",
            expected.parked
        ));
    }
    for (name, wanted) in &expected.values {
        let named = collector.values().iter().filter(|(n, _)| n == name);
        let seen: Vec<u64> = named.map(|(_, value)| *value).collect();
        if seen != *wanted {
            failures.push(format!("'{name}' was {seen:x?}, expected {wanted:x?}"));
        }
    }
    for update in &summary.updates {
        if update.blackout_cpu_ns > update.blackout_ns {
            failures.push(format!(
                "a blackout of {} ns has {} ns of execution",
                update.blackout_ns, update.blackout_cpu_ns
            ));
        }
    }
    let outcomes: Vec<String> = summary.updates.iter().map(Update::end).collect();
    let mut counts = BTreeMap::<String, usize>::new();
    for outcome in &outcomes {
        *counts.entry(outcome.clone()).or_default() += 1;
    }
    if expected.counts.is_empty() && outcomes != expected.outcomes {
        failures.push(format!(
            "the updates ended {outcomes:?}, expected {:?}",
            expected.outcomes
        ));
    }
    if !expected.counts.is_empty() && counts != expected.counts {
        failures.push(format!(
            "the updates ended {counts:?}, expected {:?}",
            expected.counts
        ));
    }
    failures.extend(collector.leaks().iter().cloned());
    failures
}
