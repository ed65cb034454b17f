// SPDX-License-Identifier: BSD-2-Clause
//! Whole systems in one process: the supervisor and its machine, `stage`, driver generations, clients with their gates, queues
//! and private records, a device, over the embedded kernel's own capability core.
//!
//! In runs whose seed has a [`Technique`] one of the clients is a real VMM with a guest (modules `machine`, `model` and `disk`); the
//! others are plain users of the queue.
//!
//! Time is simulated. Every choice of a run comes from one seed: whose turn it is, what is offered, and which fault occurs
//! when. [`run`] replays a seed exactly; [`shrink`] removes from a failing run's script what is not needed for the failure.
//!
//! After each step the rules are checked by asking the kernel's core (module `check`), and the clients' private records.
//! Each [`Mutant`] leaves out one operation or check, to see that a rule notices it. docs/testing.md describes the faults
//! and the rules.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the modules are this crate's own")]

mod calls;
mod check;
mod choices;
mod client;
mod device;
mod disk;
mod driver;
mod hardware;
mod machine;
mod model;
mod mutant;
mod plan;
mod platform;
mod ram;
mod script;
mod shape;
mod stage;
mod system;
mod technique;
mod world;

pub use client::{Manner, Wish};
pub use driver::Kind;
pub use machine::Seen;
pub use mutant::Mutant;
pub use ram::Ram;
pub use script::{Entry, What};
pub use shape::Shape;
pub use stage::Flaw;
pub use technique::Technique;

use choices::Choices;
use system::System;

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Which one.
    pub rule: String,
    /// The seed that shows it.
    pub seed: u64,
    /// What happened in the run, after it was made as short as possible.
    pub script: Vec<String>,
}

/// What runs came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// How many.
    pub runs: u64,
    /// Turns that they had in all.
    pub steps: u64,
    /// Rules that were broken.
    pub violations: Vec<Violation>,
}

/// One run: its turns, the rule that was broken, its trace.
pub struct Run {
    pub steps: u64,
    pub broken: Option<&'static str>,
    pub trace: Vec<String>,
    pub script: Vec<String>,
    /// What the guest has seen of the seed's technique ([`Technique::of`]).
    pub guest: Seen,
}

/// Runs a seed. Bit n of `without`: entry n of the script is left out.
pub fn run(ram: Ram, seed: u64, mutant: Option<Mutant>, without: u32, trace: bool) -> Run {
    let mut entries = script::script(&mut Choices::new(seed), Shape::of(seed));
    let mut n = 0;
    entries.retain(|_| {
        n += 1;
        without & 1 << (n - 1) == 0
    });
    play(ram, seed, entries, mutant, trace)
}

/// Runs a script, with the other choices from the seed.
pub fn play(ram: Ram, seed: u64, entries: Vec<Entry>, mutant: Option<Mutant>, trace: bool) -> Run {
    let script = entries
        .iter()
        .map(|(at, what)| format!("{at} us: {what:?}"));
    let script = script.collect();
    let mut system = System::new(ram, seed, entries, mutant);
    let broken = system.run();
    Run {
        steps: system.steps,
        broken,
        trace: if trace { system.lines() } else { Vec::new() },
        script,
        guest: system.guest(),
    }
}

/// Removes from a failing seed's script what is not needed to break the same rule. Returns what was left out.
pub fn shrink(ram: Ram, seed: u64, mutant: Option<Mutant>, rule: &str) -> u32 {
    let mut without = 0;
    for n in 0..script::ENTRIES {
        let tried = without | 1 << n;
        if run(ram, seed, mutant, tried, false).broken == Some(rule) {
            without = tried;
        }
    }
    without
}

/// Runs `count` seeds from `first` on, on `threads` threads, until `most` runs have broken a rule.
pub fn simulate(
    first: u64,
    count: u64,
    threads: u64,
    mutant: Option<Mutant>,
    most: usize,
) -> Summary {
    let part = |thread: u64| {
        let ram = Ram::new();
        let mut summary = Summary::default();
        let mut n = thread;
        while n < count && summary.violations.len() < most {
            let seed = first.wrapping_add(n);
            let run = self::run(ram, seed, mutant, 0, false);
            summary.runs += 1;
            summary.steps += run.steps;
            if let Some(rule) = run.broken {
                let without = shrink(ram, seed, mutant, rule);
                let script = self::run(ram, seed, mutant, without, false).script;
                summary.violations.push(Violation {
                    rule: rule.to_owned(),
                    seed,
                    script,
                });
            }
            n += threads;
        }
        summary
    };
    let parts: Vec<Summary> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.max(1))
            .map(|t| scope.spawn(move || part(t)))
            .collect();
        let joined = handles.into_iter().map(|handle| handle.join());
        joined.map(|part| part.expect("no run panics")).collect()
    });
    let mut all = Summary::default();
    for part in parts {
        all.runs += part.runs;
        all.steps += part.steps;
        all.violations.extend(part.violations);
    }
    all
}
