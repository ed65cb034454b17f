// SPDX-License-Identifier: BSD-2-Clause
//! Gate, queue, load and doorbell, one notification at a time.

use core::sync::atomic::AtomicU64;

use molt_gate::{Account, Change, ClientGate};
use molt_guest::{Conduct, Ring};
use molt_sensor_queue::Client;
use molt_system::VmmBrief;
use molt_test_native::{Bell, Console, brief, notify};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

use crate::load::Load;

/// Reads at the least.
const WANTED: u64 = 3_000;
/// Reads between two offers.
const EVERY: u64 = 500;
/// Reads between two lines of progress.
const PROGRESS: u64 = 1_000;

/// The client.
pub struct SensorClient {
    gate: ClientGate<'static>,
    queue: Client<'static>,
    to_update: &'static [AtomicU64],
    driver: Option<Channel>,
    update: Option<Channel>,
    load: Load,
    violations: u64,
    console: Console,
    ring: Option<Ring<Bell>>,
    archive: &'static [u8],
    /// Bundles of the archive that were offered.
    offered: usize,
    due: u64,
    next_progress: u64,
    version: u32,
    done: bool,
}

impl SensorClient {
    /// Of the brief's first share. Nothing is done before the gate opens.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let Some(share) = brief.shares().first() else {
            panic!("no sensors");
        };
        let (to_client, to_update) = brief::gate_pages(&brief.gate);
        let console = Console::new(brief);
        let ring = Bell::new(brief, console.clone())
            .map(|bell| Ring::new(bell, share.component, Conduct::Orderly));
        console.say(format_args!("started"));
        Self {
            gate: ClientGate::new(to_client, to_update, share.component as usize),
            queue: Client::new(brief::words(share.queue, share.queue_words * 8)),
            to_update,
            driver: brief::channel(share.channel),
            update: brief::channel(brief.update_channel),
            load: Load::new(),
            violations: 0,
            console,
            archive: match ring {
                Some(_) => brief::bundles(),
                None => &[],
            },
            ring,
            offered: 0,
            due: EVERY,
            next_progress: PROGRESS,
            version: 0,
            done: false,
        }
    }

    fn follow_gate(&mut self) {
        while let Some(change) = self.gate.change() {
            match change {
                Change::Close(_) => self.queue.close(),
                Change::Open(_, generation) => self.queue.resume(generation),
                Change::OutOfService(_) => {
                    self.queue.fail();
                    self.load.close();
                }
            }
            self.gate.acknowledge(change);
            notify(self.update);
            if matches!(change, Change::Open(..)) {
                notify(self.driver);
            }
        }
    }

    /// Takes completions as long as the gate is open. A violation is reported to `update`, which replaces the generation.
    fn drain(&mut self) {
        while self.gate.is_open() || self.queue.has_failed() {
            match self.queue.poll() {
                None => break,
                Some(Ok((token, answer))) => {
                    if let Err((sensor, wrong)) = self.load.complete(token, answer) {
                        self.console
                            .say(format_args!("error: sensor {sensor}: {wrong}, {answer:?}"));
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

    /// Rings for the next bundle. Returns whether there is one, or one is under way.
    fn ring(&mut self) -> bool {
        let Some(ring) = &mut self.ring else {
            return false;
        };
        ring.look();
        let files = cpio_reader::iter_files(self.archive);
        let next = files
            .filter(|entry| !entry.file().is_empty())
            .nth(self.offered);
        let busy = ring.under_way();
        if let Some(bundle) = &next
            && !busy
            && self.load.statistics.requests >= self.due
        {
            self.due = self.load.statistics.requests + EVERY;
            self.offered += 1;
            ring.offer(bundle.name(), bundle.file());
        }
        next.is_some() || busy
    }

    /// Tells of another firmware.
    fn tell_version(&mut self) {
        let version = self.load.version();
        if version != self.version {
            self.version = version;
            let boots = self.load.boots();
            self.console
                .say(format_args!("sensors: firmware {version}, boots {boots}"));
        }
    }

    fn report(&self, word: &str) {
        let statistics = &self.load.statistics;
        self.console.say(format_args!(
            "{word} requests={} errors={} bytes_verified={} max_latency_ns={} sensor_reads={} boots={}",
            statistics.requests,
            statistics.errors,
            statistics.bytes_verified,
            statistics.max_latency_ns,
            statistics.requests,
            self.load.boots(),
        ));
    }
}

impl Handler for SensorClient {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.follow_gate();
        self.drain();
        self.tell_version();
        let ringing = self.ring();
        if self.load.statistics.requests >= WANTED && !ringing {
            self.load.close();
        }
        if self.load.statistics.requests >= self.next_progress {
            self.next_progress += PROGRESS;
            self.report("progress");
        }
        // Where the gate has just been closed the queue only records, until it is resumed.
        self.follow_gate();
        self.load.fill(&mut self.queue);
        if self.gate.is_open() && self.queue.must_notify() {
            notify(self.driver);
        }
        if self.queue.has_failed() {
            // What has just been asked for has an answer already.
            self.drain();
        }
        self.account();
        if self.load.finished() && !self.done {
            self.done = true;
            self.report("result");
            self.console.say(format_args!("done"));
        }
        Ok(())
    }
}
