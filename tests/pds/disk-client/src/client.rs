// SPDX-License-Identifier: BSD-2-Clause
//! Gate, queue, load and doorbell, one notification at a time.

use core::sync::atomic::AtomicU64;
use molt_block_queue::Client;
use molt_gate::{Account, Change, ClientGate};
use molt_guest::{Conduct, Ring};
use molt_system::VmmBrief;
use molt_test_native::{Bell, Console, Load, brief, notify};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

/// Requests at the least.
const WANTED: u64 = if cfg!(feature = "quiet") {
    100
} else if cfg!(feature = "short") {
    3_000
} else {
    20_000
};
/// It works at least until this generation has the disk.
const UNTIL: Option<u64> = if cfg!(feature = "often") {
    Some(200)
} else {
    None
};
/// Requests between two offers.
const EVERY: u64 = if cfg!(feature = "short") {
    500
} else if cfg!(feature = "often") {
    100
} else {
    1_000
};
/// Whether it offers only when its load is done, and the system idle.
const QUIET: bool = cfg!(feature = "quiet");
/// Requests between two lines of progress.
const PROGRESS: u64 = 5_000;

/// Requests before a client that accuses the driver begins with that.
const ACCUSES_FROM: u64 = 100;

/// Its behaviour between its offer and the end.
const CONDUCT: Conduct = if cfg!(feature = "dies-after-offer") {
    Conduct::Waits
} else {
    Conduct::Orderly
};

/// The client.
pub struct DiskClient {
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
    /// The last generation that had the disk.
    generation: u64,
    /// Bundles of the archive that were offered, and the next one.
    offered: usize,
    next: Option<(&'static str, &'static [u8])>,
    due: u64,
    next_progress: u64,
    done: bool,
}

impl DiskClient {
    /// Of the brief's first disk. Nothing is done before the gate opens.
    ///
    /// # Panics
    /// If there is no disk.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let Some(disk) = brief.shares().first() else {
            panic!("no disk");
        };
        let (to_client, to_update) = brief::gate_pages(&brief.gate);
        let number = brief.name.0.iter().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
        });
        let console = Console::new(brief);
        let ring =
            Bell::new(brief, console.clone()).map(|bell| Ring::new(bell, disk.component, CONDUCT));
        let archive = match ring {
            Some(_) => brief::bundles(),
            None => &[],
        };
        console.say(format_args!("started"));
        Self {
            gate: ClientGate::new(to_client, to_update, disk.component as usize),
            queue: Client::new(brief::words(disk.queue, disk.queue_words * 8)),
            to_update,
            driver: brief::channel(disk.channel),
            update: brief::channel(brief.update_channel),
            violations: 0,
            load: Load::new(number & 0xffff, brief::memory(brief), disk.share[1]),
            console,
            next: brief::bundle(archive, 0),
            archive,
            ring,
            generation: 0,
            offered: 0,
            due: EVERY,
            next_progress: PROGRESS,
            done: false,
        }
    }

    fn follow_gate(&mut self) {
        while let Some(change) = self.gate.change() {
            match change {
                Change::Close(_) => self.queue.close(),
                Change::Open(_, generation) => {
                    self.generation = generation;
                    self.queue.resume(generation);
                }
                Change::OutOfService(_) => {
                    self.queue.fail();
                    self.load.give_up();
                }
            }
            self.gate.acknowledge(change);
            notify(self.update);
            if matches!(change, Change::Open(..)) {
                notify(self.driver);
            }
        }
    }

    /// Takes completions as long as the gate is open. A violation is reported to `update`, which replaces
    /// the generation.
    fn drain(&mut self) {
        while self.gate.is_open() || self.queue.has_failed() {
            match self.queue.poll() {
                None => break,
                Some(Ok((token, status))) => {
                    if let Err(wrong) = self.load.complete(token, status) {
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

    /// Reports a violation that has not happened, as a hostile client would.
    fn accuse(&mut self) {
        if cfg!(feature = "accuses")
            && self.ring.is_none()
            && self.load.statistics.requests >= ACCUSES_FROM
        {
            self.violations += 1;
            self.account();
            notify(self.update);
        }
    }

    fn ring(&mut self) -> bool {
        let Some(ring) = &mut self.ring else {
            return false;
        };
        ring.look();
        if cfg!(feature = "dies-after-offer") && ring.is_unconfirmed() {
            panic!("this client dies with an offer of its own on the table");
        }
        let busy = ring.under_way();
        if let Some((name, bundle)) = self.next
            && !busy
            && if QUIET {
                self.load.finished()
            } else {
                self.load.statistics.requests >= self.due
            }
        {
            self.due = self.load.statistics.requests + EVERY;
            self.offered += 1;
            ring.offer(name, bundle);
            self.next = brief::bundle(self.archive, self.offered);
            return true;
        }
        self.next.is_some() || busy
    }

    fn report(&self, word: &str) {
        let statistics = &self.load.statistics;
        self.console.say(format_args!(
            "{word} requests={} errors={} bytes_verified={} max_latency_ns={}",
            statistics.requests,
            statistics.errors,
            statistics.bytes_verified,
            statistics.max_latency_ns
        ));
    }
}

impl Handler for DiskClient {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.follow_gate();
        self.drain();
        self.accuse();
        let ringing = self.ring();
        let enough = self.load.statistics.requests >= WANTED
            && UNTIL.is_none_or(|until| self.generation >= until);
        if enough && (QUIET || !ringing) {
            self.load.close();
        }
        if self.load.statistics.requests >= self.next_progress {
            self.next_progress += PROGRESS;
            self.report("progress");
        }
        // Where the gate has just been closed the queue only records, until it is resumed.
        self.follow_gate();
        if self.load.fill(&mut self.queue) && self.gate.is_open() {
            notify(self.driver);
        }
        if self.queue.has_failed() {
            // What has just been asked for has an answer already.
            self.drain();
        }
        self.account();
        if self.load.finished() && !self.ring() && !self.done {
            self.done = true;
            self.report("result");
            self.console.say(format_args!("done"));
        }
        Ok(())
    }
}
