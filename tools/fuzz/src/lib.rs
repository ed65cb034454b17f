// SPDX-License-Identifier: BSD-2-Clause
//! The places where Molt reads what others have made, each as a function of bytes. `./molt fuzz` gives them to libFuzzer, which
//! looks for bytes that reach new code; the tests give them the seeds, the committed corpus, and a few thousand changes of both.
//!
//! A target panics where it finds a fault. What is refused is no fault.
#![forbid(unsafe_code)]

mod bundle;
mod doorbell;
mod flash;
mod fleet;
mod input;
mod keys;
mod line;
mod operator;
mod port;
mod world;

/// A place where bytes are read.
pub struct Target {
    /// Its name, by which it is chosen, and that of its folder in the corpus.
    pub name: &'static str,
    /// Who makes the bytes, and what reads them.
    pub about: &'static str,
    /// Reads them.
    pub run: fn(&[u8]),
    /// Bytes that are accepted, or that lead far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "envelope",
        about: "a guest's bundle, as stage reads it",
        run: bundle::envelope,
        seeds: bundle::envelopes,
    },
    Target {
        name: "manifest",
        about: "a manifest that a trusted key has signed",
        run: bundle::manifest,
        seeds: bundle::manifests,
    },
    Target {
        name: "elf",
        about: "a driver's ELF out of a bundle that a trusted key has signed",
        run: bundle::elf,
        seeds: bundle::elves,
    },
    Target {
        name: "keys",
        about: "a list of keys: the signed body, or the whole list",
        run: keys::run,
        seeds: keys::seeds,
    },
    Target {
        name: "flash",
        about: "what a bank of flash holds at a start, and what is written to it then",
        run: flash::run,
        seeds: flash::seeds,
    },
    Target {
        name: "doorbell",
        about: "a guest's accesses to the registers of its doorbell",
        run: doorbell::run,
        seeds: doorbell::seeds,
    },
    Target {
        name: "port",
        about: "a guest's bytes on the port of its doorbell",
        run: port::run,
        seeds: port::seeds,
    },
    Target {
        name: "operator",
        about: "an operator's bytes on the console's port, in a whole system that is simulated",
        run: operator::run,
        seeds: operator::seeds,
    },
    Target {
        name: "line",
        about: "what both ends of a controller's line receive",
        run: line::run,
        seeds: line::seeds,
    },
    Target {
        name: "fleet",
        about: "what a fleet's server answers, read by the whole agent of molt-guest poll",
        run: fleet::run,
        seeds: fleet::seeds,
    },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
