// SPDX-License-Identifier: BSD-2-Clause
//! The machine's state, and the dispatch of events.

use crate::action::push;
use crate::defer::Deferrals;
use crate::failed::Failed;
use crate::phase::{Arena, Cause, Instance, Job, Phase, Stage};
use crate::supervise::{Counts, Watch};
use crate::{Action, Actions, Client, Config, Digest, Event, Generation, Micros, Reason, Status};

/// An image in a bundle slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// The slot.
    pub slot: u8,
    /// Its bundle's sequence number.
    pub sequence: u64,
    /// SHA-256 of it; zeros for a factory image, which only `stage` knows.
    pub digest: Digest,
}

/// The machine of one component.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    pub(crate) config: Config,
    pub(crate) phase: Phase,
    pub(crate) job: Job,
    /// End of the phase, if it has one.
    pub(crate) deadline: Option<Micros>,
    /// The generation that has the device and the regions, if any.
    pub(crate) holder: Option<Instance>,
    /// The generation that held them before. It is stopped, and kept until the commit.
    pub(crate) old: Option<Instance>,
    /// The generation that is being built, or is built and waits beside the holder.
    pub(crate) next: Option<Instance>,
    pub(crate) watch: Option<Watch>,
    pub(crate) gates_open: bool,
    pub(crate) committed: Image,
    /// What was committed before, as long as it is in its slot: what the operator can roll back to.
    pub(crate) previous: Option<Image>,
    /// The operator has frozen the component.
    pub(crate) frozen: bool,
    /// A sequence number that was committed before, even if its image is not the committed one any more: nothing that is not
    /// above it is accepted.
    pub(crate) floor: u64,
    /// Sequence number of the list of keys in force; 0: the image's keys are.
    pub(crate) keys: u64,
    pub(crate) arenas: [Arena; 2],
    pub(crate) stage: Stage,
    /// Number of the next generation.
    pub(crate) number: Generation,
    /// Starts of the committed image since it last passed probation.
    pub(crate) starts: u8,
    /// Relapses in a row: failures of the committed image soon after it had passed probation. `settled`: the time from which on
    /// a failure is no relapse.
    pub(crate) relapses: u32,
    pub(crate) settled: Option<Micros>,
    pub(crate) failed: Failed,
    /// Bit n: client n is dead or fenced, and not waited for.
    pub(crate) gone: u8,
    pub(crate) deferrals: Deferrals,
}

impl Machine {
    /// A machine that has not started, for a component whose factory image has this sequence number.
    #[must_use]
    pub fn new(config: Config, sequence: u64) -> Self {
        Self {
            config,
            phase: Phase::Off,
            job: Job::None,
            deadline: None,
            holder: None,
            old: None,
            next: None,
            watch: None,
            gates_open: false,
            committed: Image {
                slot: 0,
                sequence,
                digest: [0; 4],
            },
            previous: None,
            frozen: false,
            floor: sequence,
            keys: 0,
            arenas: [Arena::Empty; 2],
            stage: Stage::Free,
            number: 0,
            starts: 0,
            relapses: 0,
            settled: None,
            failed: Failed::default(),
            gone: 0,
            deferrals: Deferrals::default(),
        }
    }

    /// Before the start: what has outlived the power. `image`: what was committed, in a bundle slot that `stage` has verified;
    /// without it the factory image starts. Nothing is accepted whose sequence number is not above `floor`.
    pub fn restore(&mut self, image: Option<Image>, floor: u64) {
        if self.phase == Phase::Off {
            self.committed = image.unwrap_or(self.committed);
            self.floor = floor.max(self.committed.sequence);
        }
    }

    /// Before the start: the list of keys with this sequence number was in force. `stage` has verified it, or accepts nothing but
    /// a newer one.
    pub fn restore_keys(&mut self, sequence: u64) {
        if self.phase == Phase::Off {
            self.keys = sequence;
        }
    }

    /// Before the start: the operator froze it before the power went.
    pub fn restore_freeze(&mut self) {
        self.frozen = true;
    }

    /// Before the start: `stage` still works on something whose result is not wanted. Its next answer is ignored.
    pub fn stage_works(&mut self) {
        self.stage = Stage::Draining;
    }

    /// An image of `client` failed before the power went.
    pub fn has_failed(&mut self, now: Micros, client: Client, digest: Digest) {
        let span = self.config.remember;
        self.failed.add(now, client, digest, span);
    }

    /// Takes an event at time `now`, which never goes back.
    pub fn step(&mut self, now: Micros, event: Event) -> Actions {
        let mut out = Actions::new();
        match event {
            Event::Start => self.start(now, &mut out),
            Event::Offer {
                client,
                allowed,
                handle,
            } => self.offer(now, client, allowed, handle, &mut out),
            Event::Confirm { client, handle } => self.confirm(now, client, handle, &mut out),
            Event::Cancel { client, handle } => self.cancel(client, handle, &mut out),
            Event::ClientGone(client) => self.client_gone(now, client, &mut out),
            Event::ClientBack(client) => self.gone &= !bit(client),
            Event::Defer { client, until } => self.defer(now, client, until, &mut out),
            Event::Join(client) => self.join(now, client, &mut out),
            Event::Proceed => self.proceed(now, &mut out),
            Event::TakeBack => self.take_back(now, &mut out),
            Event::Verified { sequence, digest } => {
                self.verified(now, sequence, digest, &mut out);
            }
            Event::KeysVerified { sequence } => self.keys_verified(now, sequence, &mut out),
            Event::Built => self.built(now, &mut out),
            Event::StageFailed(reason) => self.stage_failed(now, reason, &mut out),
            Event::ArenaCleared(arena) => self.arena_cleared(now, arena, &mut out),
            Event::Kept => self.kept(&mut out),
            Event::KeepFailed(reason) => self.keep_failed(now, reason, &mut out),
            Event::Transferred(generation) => self.transferred(now, generation, &mut out),
            Event::TransferFailed(generation) => self.transfer_failed(generation, &mut out),
            Event::GateClosed(client) => self.gate_closed(now, client, &mut out),
            Event::Quiesced(generation) => self.quiesced(now, generation, &mut out),
            Event::Stopped => self.stopped(now, &mut out),
            Event::Ready(generation) => self.ready(now, generation, &mut out),
            Event::Beat(generation) => self.beat(generation),
            Event::Health {
                generation,
                completions,
                errors,
                expected,
                owed,
            } => {
                let counts = Counts {
                    completions,
                    errors,
                    expected,
                    owed,
                };
                self.health(now, generation, counts, &mut out);
            }
            Event::Failed { generation, reason } => {
                if self.holder.is_some_and(|h| h.generation == generation) {
                    self.holder_failed(now, reason, &mut out);
                }
            }
            Event::Forgive => self.failed.clear(),
            Event::ForgiveImage(digest) => self.forgive(&digest, &mut out),
            Event::Approve(digest) => self.approve(now, digest, &mut out),
            Event::Force(digest) => self.force(now, digest, &mut out),
            Event::Disapprove(digest) => self.disapprove(digest, &mut out),
            Event::Freeze(frozen) => self.freeze(frozen, &mut out),
            Event::RollBack => self.roll_back(now, &mut out),
            Event::Readmit => self.readmit(now, &mut out),
            Event::Tick => self.tick(now, &mut out),
        }
        out
    }

    /// When the machine wants [`Event::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Micros> {
        let watch = self.watch.as_ref().map(Watch::due);
        match (self.deadline, watch) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The generation that has the device.
    #[must_use]
    pub fn holder(&self) -> Option<Generation> {
        self.holder.map(|h| h.generation)
    }

    /// The arena of the generation that has the device.
    #[must_use]
    pub fn holder_arena(&self) -> Option<u8> {
        self.holder.map(|h| h.arena)
    }

    /// The generation that was made last.
    #[must_use]
    pub fn newest(&self) -> Generation {
        self.number.saturating_sub(1)
    }

    /// The image that a rollback goes to.
    #[must_use]
    pub fn committed(&self) -> Image {
        self.committed
    }

    /// What the operator can roll back to.
    #[must_use]
    pub fn previous(&self) -> Option<Image> {
        self.previous
    }

    /// Whether the operator has frozen the component.
    #[must_use]
    pub fn frozen(&self) -> bool {
        self.frozen
    }

    /// Sequence number of the list of keys in force; 0: the image's keys are.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// The image that waits for the operator's approval.
    #[must_use]
    pub fn waits(&self) -> Option<Image> {
        match (self.phase, self.job) {
            (Phase::Approval, Job::Update(candidate)) => Some(candidate.image()),
            _ => None,
        }
    }

    /// The image that the update under way is about.
    #[must_use]
    pub fn candidate(&self) -> Option<Image> {
        match self.job {
            Job::Update(candidate) => Some(candidate.image()),
            _ => None,
        }
    }

    /// The images that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Digest> {
        self.failed.iter()
    }

    /// The client whose transaction is under way.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        match self.job {
            Job::None => None,
            Job::Update(candidate) => candidate.client,
            Job::Keys { client, .. } => Some(client),
            Job::Recover(cause) | Job::Retire(cause) => cause.client,
        }
    }

    /// Shifts all times so that `now` becomes 0. For explorations, which would otherwise never see a state twice.
    pub fn rebase(&mut self, now: Micros) {
        self.deadline = self.deadline.map(|d| d.saturating_sub(now));
        if let Some(watch) = &mut self.watch {
            watch.rebase(now);
        }
        self.settled = self.settled.map(|at| at.saturating_sub(now));
        self.failed.rebase(now);
        self.deferrals.rebase(now);
    }

    fn start(&mut self, now: Micros, out: &mut Actions) {
        if self.phase == Phase::Off {
            self.job = Job::Recover(Cause {
                client: None,
                reason: Reason::None,
            });
            self.wait_to_build(now, out);
        }
    }

    fn tick(&mut self, now: Micros, out: &mut Actions) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            match self.phase {
                Phase::Offered { .. } => self.refuse(Reason::Expired, out),
                Phase::Approval => self.refuse(Reason::NotApproved, out),
                Phase::Verifying | Phase::Waiting | Phase::Building => {
                    self.stage_timed_out(now, out);
                }
                Phase::Transferring => self.refuse(Reason::TransferTimeout, out),
                Phase::Deferred => self.look_at_deferrals(now, out),
                Phase::Closing { .. } => self.closing_timed_out(now, out),
                Phase::Stopping => self.out_of_service(Reason::StopTimeout, out),
                Phase::Starting => self.holder_failed(now, Reason::ReadyTimeout, out),
                Phase::Keeping => self.keep_failed(now, Reason::StoreFailed, out),
                Phase::Off
                | Phase::Idle
                | Phase::AtBarrier(_)
                | Phase::Probation
                | Phase::OutOfService(_) => {}
            }
        }
        self.tick_watch(now, out);
    }

    pub(crate) fn report(&self, status: Status, reason: Reason, out: &mut Actions) {
        let client = self.client();
        push(
            out,
            Action::Report {
                client,
                status,
                reason,
            },
        );
    }
}

/// The bit of a client in a set; 0 for one that no plan has.
pub(crate) fn bit(client: Client) -> u8 {
    1u8.checked_shl(client.into()).unwrap_or(0)
}
