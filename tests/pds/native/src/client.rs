// SPDX-License-Identifier: BSD-2-Clause
//! A client of one driver: gate, queue, load and doorbell, one notification at a time.

use core::fmt;
use core::sync::atomic::AtomicU64;

use molt_gate::{Account, Change, ClientGate, Statistics};
use molt_guest::{Conduct, Ring};
use molt_queue::{Client, Payload, Token};
use molt_system::{VmmBrief, VmmShare};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

use crate::{Bell, Console, brief, notify};

/// How much a client does.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Requests at the least.
    pub wanted: u64,
    /// Requests between two offers.
    pub every: u64,
    /// Requests between two lines of progress.
    pub progress: u64,
}

/// What a client of one class of device asks for, and how it checks the answers.
pub trait Work: Sized {
    /// The class.
    type Payload: Payload;
    /// What may be wrong with an answer.
    type Wrong: fmt::Display;

    /// How much it does.
    const PLAN: Plan;

    /// For this share of the brief.
    fn new(brief: &VmmBrief, share: &VmmShare) -> Self;
    /// Submits what there is to do. While the queue is closed it only records, until it is resumed.
    fn fill(&mut self, queue: &mut Client<'static, Self::Payload>);
    /// Takes one answer.
    ///
    /// # Errors
    /// What is wrong with it.
    fn complete(
        &mut self,
        queue: &mut Client<'static, Self::Payload>,
        token: Token,
        answer: <Self::Payload as Payload>::Answer,
    ) -> Result<(), Self::Wrong>;
    /// The queue is closed: a generation has ended, or the next one is about to see it.
    fn ended(&mut self, _queue: &mut Client<'static, Self::Payload>) {}
    /// Asks for nothing any more.
    fn close(&mut self);
    /// Whether all is done.
    fn finished(&self) -> bool;
    /// The counters for `update` and for the console.
    fn statistics(&self) -> &Statistics;
    /// How much of the plan is done.
    fn done(&self) -> u64 {
        self.statistics().requests
    }
    /// For how many requests the client waits.
    fn owed(&self, queue: &Client<'static, Self::Payload>) -> usize {
        queue.owed()
    }
    /// What is to be printed after some answers.
    fn news(&mut self, _console: &Console) {}
    /// Counters of this class, for the console: ` name=value` each.
    ///
    /// # Errors
    /// Those of `f`.
    fn counters(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// The client.
pub struct NativeClient<W: Work> {
    gate: ClientGate<'static>,
    queue: Client<'static, W::Payload>,
    to_update: &'static [AtomicU64],
    driver: Option<Channel>,
    update: Option<Channel>,
    work: W,
    violations: u64,
    console: Console,
    ring: Option<Ring<Bell>>,
    archive: &'static [u8],
    /// Bundles of the archive that were offered, and the next one.
    offered: usize,
    next: Option<(&'static str, &'static [u8])>,
    due: u64,
    next_progress: u64,
    done: bool,
}

impl<W: Work> NativeClient<W> {
    /// Of the brief's first share. Nothing is done before the gate opens.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let Some(share) = brief.shares().first() else {
            panic!("no share of a device");
        };
        let (to_client, to_update) = brief::gate_pages(&brief.gate);
        let console = Console::new(brief);
        let ring = Bell::new(brief, console.clone())
            .map(|bell| Ring::new(bell, share.component, Conduct::Orderly));
        let archive = match ring {
            Some(_) => brief::bundles(),
            None => &[],
        };
        console.say(format_args!("started"));
        Self {
            gate: ClientGate::new(to_client, to_update, share.component as usize),
            queue: Client::new(brief::words(share.queue, share.queue_words * 8)),
            to_update,
            driver: brief::channel(share.channel),
            update: brief::channel(brief.update_channel),
            work: W::new(brief, share),
            violations: 0,
            console,
            next: brief::bundle(archive, 0),
            archive,
            ring,
            offered: 0,
            due: W::PLAN.every,
            next_progress: W::PLAN.progress,
            done: false,
        }
    }

    fn follow_gate(&mut self) {
        while let Some(change) = self.gate.change() {
            // What the generation has completed before it ended: the queue is there until the change is acknowledged.
            self.drain();
            self.queue.close();
            match change {
                Change::Close(_) => self.work.ended(&mut self.queue),
                Change::Open(_, generation) => {
                    // Between two openings there was a close that this client did not see.
                    self.work.ended(&mut self.queue);
                    self.queue.resume(generation);
                }
                Change::OutOfService(_) => {
                    self.queue.fail();
                    self.work.close();
                }
            }
            self.gate.acknowledge(change);
            notify(self.update);
            if matches!(change, Change::Open(..)) {
                notify(self.driver);
            }
        }
    }

    /// Takes all answers. A violation is reported to `update`, which replaces the generation.
    fn drain(&mut self) {
        while let Some(next) = self.queue.poll() {
            match next {
                Ok((token, answer)) => {
                    if let Err(wrong) = self.work.complete(&mut self.queue, token, answer) {
                        self.console.say(format_args!("error: {wrong}"));
                    }
                }
                Err(violation) => {
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
        self.work.statistics().write(self.to_update);
        self.gate.account(Account {
            violations: self.violations,
            owed: self.work.owed(&self.queue) as u16,
        });
    }

    /// Rings for the next bundle. Returns whether there is one, or one is under way.
    fn ring(&mut self) -> bool {
        let Some(ring) = &mut self.ring else {
            return false;
        };
        ring.look();
        let busy = ring.under_way();
        if let Some((name, bundle)) = self.next
            && !busy
            && self.work.done() >= self.due
        {
            self.due = self.work.done() + W::PLAN.every;
            self.offered += 1;
            ring.offer(name, bundle);
            self.next = brief::bundle(self.archive, self.offered);
            return true;
        }
        self.next.is_some() || busy
    }

    fn report(&self, word: &str) {
        let Statistics {
            requests,
            errors,
            max_latency_ns,
            bytes_verified,
        } = self.work.statistics();
        self.console.say(format_args!(
            "{word} requests={requests} errors={errors} bytes_verified={bytes_verified} max_latency_ns={max_latency_ns}{}",
            Counters(&self.work)
        ));
    }
}

struct Counters<'a, W>(&'a W);

impl<W: Work> fmt::Display for Counters<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.counters(f)
    }
}

impl<W: Work> Handler for NativeClient<W> {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.follow_gate();
        self.drain();
        self.work.news(&self.console);
        let ringing = self.ring();
        if self.work.done() >= W::PLAN.wanted && !ringing {
            self.work.close();
        }
        if self.work.done() >= self.next_progress {
            self.next_progress += W::PLAN.progress;
            self.report("progress");
        }
        self.follow_gate();
        self.work.fill(&mut self.queue);
        if self.queue.must_notify() {
            notify(self.driver);
        }
        if self.queue.has_failed() {
            // What has just been asked for has an answer already.
            self.drain();
        }
        self.account();
        if self.work.finished() && !self.done {
            self.done = true;
            self.report("result");
            self.console.say(format_args!("done"));
        }
        Ok(())
    }
}
