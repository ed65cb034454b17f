// SPDX-License-Identifier: BSD-2-Clause
//! Commands of `update` to `stage`, and the answers: one page in each direction, a notification after each change.
//!
//! `update` gives no command while one is under way (module `call`), and never waits for an answer.
//!
//! *Verify* copies a bundle or a list of keys out of a staging region and verifies the copy. A list that it has verified is in force from
//! the first *verify* on that names its sequence number. *Build* makes a generation: before it, `update`
//! moves the arena's untypeds into the workshop (slots 0 to n). `stage` makes TCB, CNode, VSpace, page tables and frames
//! from them and leaves the capabilities where `molt_system::cspace` says; the TCB gets no fault endpoint, no priority and
//! no scheduling context. Afterwards `update` moves everything back.
//!
//! | command word | content | | answer word | content |
//! |---|---|---|---|---|
//! | 0 | serial number | | 0 | `serial << 8 \| outcome` (1 working, 2 done, 3 failed) |
//! | 1 | kind: 1 verify, 2 build | | 1 | progress, per mille |
//! | 2 | component | | 2 | reason of *failed* (`molt-doorbell`'s number) |
//! | 3 | bundle slot | | 3 | sequence number of the bundle |
//! | 4 | verify: client; build: arena | | 4..8 | SHA-256 of what was verified or built, little endian words: of the driver's ELF, or with firmware, of both digests |
//! | 5 | verify: length in bytes; build: generation | | 8 | length of the payload in bytes |
//! | 6 | verify: committed sequence number | | 9 | build: slots used in the workshop, all below it |
//! | 7 | verify: sequence number of the list of keys in force, or 0 | | 24 | verify: 1: it is a list of keys, with the sequence number of word 3 |
//! | | | | 25 | verify: the components that it has drivers for, one bit each |
//! | | | | 18, 19 | build: the first workshop slot of the firmware's frames, which are in one row, and its bytes; 0 if there is none |
//! | | | | 20..24 | build: SHA-256 of the firmware |
//! | | | | 10..14 | verify, also if it failed: SHA-256 of the manifest, as the envelope has it; zeros if it was not found |
//! | | | | 14..18 | verify that failed: SHA-256 of the bundle; zeros if nothing was copied |

use core::sync::atomic::AtomicU64;

use crate::call::{Call, narrow};

/// A command to `stage`. Tables are `molt-system`'s: components, clients, slots and arenas by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Copy `length` bytes of `client`'s staging region into `slot`, and verify the copy for `component`.
    Verify {
        /// Component's index in the plan.
        component: usize,
        /// Bundle slot to copy to.
        slot: usize,
        /// Client's index in the plan.
        client: usize,
        /// Bytes to copy.
        length: u64,
        /// The bundle's sequence number must be above this.
        committed: u64,
        /// Sequence number of the list of keys in force; 0: the image's keys are.
        keys: u64,
    },
    /// Make generation `generation` of `component` from the image in `slot`, out of the untypeds in the workshop.
    Build {
        /// Component's index in the plan.
        component: usize,
        /// Bundle slot to build from.
        slot: usize,
        /// Which of the component's arenas: 0 or 1.
        arena: usize,
        /// The new generation's number.
        generation: u64,
    },
}

/// How far `stage` is with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Under way.
    Working,
    /// Done.
    Done(Results),
    /// Not possible, with `molt-doorbell`'s reason code.
    Failed(u32, Refused),
}

/// The bundle that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Refused {
    /// SHA-256 of the manifest, as the envelope has it, as little endian words. It is not authenticated.
    pub manifest: [u64; 4],
    /// SHA-256 of the bundle.
    pub bundle: [u64; 4],
}

/// The results of a command that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Results {
    /// Verify: the sequence number of the bundle, or of the list of keys.
    pub sequence: u64,
    /// Verify: it is a list of keys. There is no image then.
    pub keys: bool,
    /// Verify: bit n: it has a driver for component n of the plan.
    pub components: u8,
    /// SHA-256 of what was verified or built, as little endian words: of the driver's ELF, or with firmware, of both digests.
    pub digest: [u64; 4],
    /// Verify: length of the payload in bytes.
    pub length: u64,
    /// Verify: SHA-256 of the manifest.
    pub manifest: [u64; 4],
    /// Build: every capability that was made is in the workshop below this index.
    pub slots: u64,
    /// Build: where the frames with the firmware begin in the workshop.
    pub firmware_slot: u64,
    /// Build: bytes of the firmware; 0: none.
    pub firmware_length: u64,
    /// Build: SHA-256 of it.
    pub firmware_digest: [u64; 4],
}

/// `update`'s side.
pub struct Caller<'a>(Call<'a>);

impl<'a> Caller<'a> {
    /// Takes both pages.
    #[must_use]
    pub const fn new(commands: &'a [AtomicU64], answers: &'a [AtomicU64]) -> Self {
        Self(Call::new(commands, answers))
    }

    /// Gives a command; `stage` is to be notified afterwards. Only when the last one has been answered.
    pub fn give(&mut self, command: Command) {
        let words = match command {
            Command::Verify {
                component,
                slot,
                client,
                length,
                committed,
                keys,
            } => [
                1,
                component as u64,
                slot as u64,
                client as u64,
                length,
                committed,
                keys,
            ],
            Command::Build {
                component,
                slot,
                arena,
                generation,
            } => [
                2,
                component as u64,
                slot as u64,
                arena as u64,
                generation,
                0,
                0,
            ],
        };
        self.0.give(words);
    }

    /// How far the newest command is. `None` before the first.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        if !self.0.has_begun() {
            return None;
        }
        let body = |i| self.0.answer(i);
        let digest = |at: usize| [0, 1, 2, 3].map(|n| body(at + n));
        Some(match self.0.code() {
            Some(2) => Outcome::Done(Results {
                sequence: body(3),
                keys: body(24) == 1,
                components: body(25) as u8,
                digest: digest(4),
                manifest: digest(10),
                length: body(8),
                slots: body(9),
                firmware_slot: body(18),
                firmware_length: body(19),
                firmware_digest: digest(20),
            }),
            Some(3) => Outcome::Failed(
                narrow(body(2)),
                Refused {
                    manifest: digest(10),
                    bundle: digest(14),
                },
            ),
            _ => Outcome::Working,
        })
    }

    /// Progress of the newest command, per mille.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.0.answer(1).min(1000)
    }
}

/// `stage`'s side.
pub struct Worker<'a>(Call<'a>);

impl<'a> Worker<'a> {
    /// Takes both pages.
    #[must_use]
    pub const fn new(commands: &'a [AtomicU64], answers: &'a [AtomicU64]) -> Self {
        Self(Call::new(commands, answers))
    }

    /// The next command, if there is a new one. An invalid one is answered *failed* with reason 127 and skipped.
    pub fn take(&mut self) -> Option<Command> {
        if !self.0.take() {
            return None;
        }
        let word = |i| self.0.command(i);
        let index = |i| usize::try_from(word(i)).unwrap_or(usize::MAX);
        self.progress(0);
        match word(1) {
            1 => Some(Command::Verify {
                component: index(2),
                slot: index(3),
                client: index(4),
                length: word(5),
                committed: word(6),
                keys: word(7),
            }),
            2 => Some(Command::Build {
                component: index(2),
                slot: index(3),
                arena: index(4),
                generation: word(5),
            }),
            _ => {
                self.failed(127, Refused::default());
                None
            }
        }
    }

    /// Says how far the command is, per mille.
    pub fn progress(&self, per_mille: u64) {
        self.0.put(1, [per_mille]);
    }

    /// Answers the command; `update` is to be notified afterwards.
    pub fn done(&self, results: Results) {
        let [a, b, c, d] = results.digest;
        let words = [results.sequence, a, b, c, d, results.length, results.slots];
        self.0.put(3, words);
        self.0.put(10, results.manifest);
        self.0
            .put(18, [results.firmware_slot, results.firmware_length]);
        self.0.put(20, results.firmware_digest);
        self.0
            .put(24, [results.keys.into(), results.components.into()]);
        self.progress(1000);
        self.0.finish(2);
    }

    /// Answers that the command failed, with `molt-doorbell`'s reason code; `update` is to be notified afterwards.
    pub fn failed(&self, reason: u32, refused: Refused) {
        self.0.put(2, [reason.into()]);
        self.0.put(10, refused.manifest);
        self.0.put(14, refused.bundle);
        self.0.finish(3);
    }
}
