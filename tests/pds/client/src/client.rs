// SPDX-License-Identifier: BSD-2-Clause
//! Gate, queue, load and doorbell, one notification at a time.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::SigningKey;
use molt_block_queue::Client;
use molt_gate::{Account, Change, ClientGate};
use molt_system::VmmBrief;
use molt_test_native::{Console, Load, brief, notify};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

use crate::bell::Bell;
use crate::plan::Plan;

/// Requests between the end of a transaction and the next offer.
const EVERY: u64 = 20;
/// The writer's number in the blocks.
const NUMBER: u64 = 7;
/// Requests before the first offer.
const FIRST: u64 = if cfg!(feature = "late") { 8_000 } else { EVERY };

/// The client.
pub struct TestClient {
    gate: ClientGate<'static>,
    queue: Client<'static>,
    words: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    driver: Option<Channel>,
    update: Option<Channel>,
    load: Load,
    violations: u64,
    console: Console,
    bell: Bell,
    plan: Plan,
    archive: &'static [u8],
    due: u64,
    over: bool,
    failures: u64,
    done: bool,
}

impl TestClient {
    /// Of the brief's first disk. Nothing is done before the gate opens.
    ///
    /// # Panics
    /// If there is no disk.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let Some(disk) = brief.shares().first() else {
            panic!("no disk");
        };
        let (to_client, to_update) = brief::gate_pages(&brief.gate);
        let console = Console::new(brief);
        console.say(format_args!("started"));
        let words = brief::queue(disk);
        Self {
            gate: ClientGate::new(to_client, to_update, disk.component as usize),
            queue: Client::new(words),
            words,
            to_update,
            driver: brief::channel(disk.channel),
            update: brief::channel(brief.update_channel),
            violations: 0,
            load: Load::new(NUMBER, brief::data(disk), disk.share[1]),
            console,
            bell: Bell::new(brief, disk.component),
            plan: Plan::default(),
            archive: brief::bundles(),
            due: FIRST,
            over: false,
            failures: 0,
            done: false,
        }
    }

    fn follow_gate(&mut self) {
        while let Some(change) = self.gate.change() {
            match change {
                Change::Close(_) => self.queue.close(),
                Change::Open(_, generation) => {
                    // The region may have been spoilt: data as well as indices are written anew.
                    self.load.restore();
                    self.queue.resume(generation);
                }
                Change::OutOfService(_) => {
                    self.queue.fail();
                    self.fail(format_args!("the component is out of service"));
                }
            }
            self.gate.acknowledge(change);
            notify(self.update);
            match change {
                Change::Open(..) => notify(self.driver),
                Change::Close(_) => self.trespass(),
                Change::OutOfService(_) => {}
            }
        }
    }

    /// Breaks the rules while its gate is closed: signals the driver, which may not exist, and touches the region until the gate
    /// changes. (Mostly it has changed when this begins: `update` and the driver run before clients.)
    fn trespass(&self) {
        if !cfg!(feature = "trespass") {
            return;
        }
        notify(self.driver);
        while self.gate.change().is_none() {
            black_box(self.words.first().map(|w| w.load(Ordering::Relaxed)));
        }
    }

    /// Takes completions as long as the gate is open. A violation is reported to `update`, which replaces the generation.
    fn drain(&mut self) {
        while self.gate.is_open() {
            match self.queue.poll() {
                None => break,
                Some(Ok((token, status))) => {
                    if let Err(wrong) = self.load.complete(token, status) {
                        // Counted by the load.
                        self.console.say(format_args!("error: {wrong}"));
                    }
                }
                Some(Err(violation)) => {
                    self.console
                        .say(format_args!("violation {}", violation.code()));
                    self.violations += 1;
                    self.account();
                    notify(self.update);
                }
            }
        }
    }

    /// Shows `update` the counters.
    fn account(&self) {
        self.load.statistics.write(self.to_update);
        self.gate.account(Account {
            violations: self.violations,
            owed: self.queue.owed() as u16,
        });
    }

    fn ring(&mut self) {
        if let Some((status, reason)) = self.bell.look() {
            if !self.plan.ended(status, reason) {
                // The rest would only follow from it.
                self.over = true;
                self.fail(format_args!("ended {} ({})", status.text(), reason.word()));
            }
            self.due = self.load.statistics.requests + EVERY;
        }
        if self.bell.under_way() || self.over || self.load.statistics.requests < self.due {
            return;
        }
        let count = images(self.archive).count();
        let Some(step) = self.plan.next(count) else {
            self.over = true;
            return;
        };
        use crate::plan::Step::{Again, Bad, Good, Stale};
        let (Good(index) | Bad(index) | Again(index) | Stale(index)) = step;
        let image = images(self.archive).nth(index);
        let key = key(self.archive);
        let bundle = image.zip(key.as_ref());
        let bundle = bundle.and_then(|(image, key)| self.plan.bundle(step, image, key));
        let Some((head, payload)) = bundle else {
            self.fail(format_args!("no image {index}, or no seed, in the archive"));
            self.over = true;
            return;
        };
        self.bell.offer(&head, payload);
    }

    fn fail(&mut self, what: core::fmt::Arguments<'_>) {
        self.failures += 1;
        self.console.say(format_args!("error: {what}"));
    }

    fn finish(&mut self) {
        self.done = true;
        let statistics = &self.load.statistics;
        self.console.say(format_args!(
            "result requests={} errors={} bytes_verified={} max_latency_ns={}",
            statistics.requests,
            statistics.errors + self.failures,
            statistics.bytes_verified,
            statistics.max_latency_ns
        ));
        let [committed, rolled_back, refused] = self.plan.ended;
        self.console.say(format_args!(
            "heart: {} committed={committed} rolled-back={rolled_back} refused={refused}",
            if self.failures + statistics.errors == 0 {
                "passed"
            } else {
                "FAILED"
            }
        ));
        self.console.say(format_args!("done"));
    }
}

impl Handler for TestClient {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.follow_gate();
        self.drain();
        self.ring();
        if self.over {
            self.load.close();
        }
        self.follow_gate();
        if self.gate.is_open() {
            self.load.fill(&mut self.queue);
            if self.queue.owed() > 0 {
                notify(self.driver);
            }
        }
        self.account();
        if self.load.finished() && !self.done {
            self.finish();
        }
        Ok(())
    }
}

/// The archive's first file is the seed of the key.
fn key(archive: &'static [u8]) -> Option<SigningKey> {
    let seed = files(archive).next()?;
    Some(SigningKey::from_bytes(seed.try_into().ok()?))
}

fn images(archive: &'static [u8]) -> impl Iterator<Item = &'static [u8]> {
    files(archive).skip(1)
}

fn files(archive: &'static [u8]) -> impl Iterator<Item = &'static [u8]> {
    cpio_reader::iter_files(archive)
        .map(|entry| entry.file())
        .filter(|file| !file.is_empty())
}
