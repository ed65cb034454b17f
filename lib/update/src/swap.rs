// SPDX-License-Identifier: BSD-2-Clause
//! The swap from one holder of the device to the next: close, stop, deny, grant.

use crate::action::push;
use crate::machine::bit;
use crate::phase::{Barrier, Candidate, Instance, Job, Phase};
use crate::supervise::Watch;
use crate::{Action, Actions, Client, Generation, Machine, Micros, Reason, Status};

impl Machine {
    /// Orders the holder, which works, to quiesce, and closes the gates.
    pub(crate) fn close_in_order(&mut self, now: Micros, out: &mut Actions) {
        let Some(holder) = self.holder else {
            return self.grant(now, out);
        };
        if let Some(Instance { generation, arena }) = self.next {
            push(out, Action::Prepare { generation, arena });
        }
        push(out, Action::Quiesce(holder.generation));
        self.close(now, false, out);
    }

    /// Closes the gates if they are open, and waits for the clients and, unless it is `quiet` already, for the holder.
    pub(crate) fn close(&mut self, now: Micros, quiet: bool, out: &mut Actions) {
        self.watch = None;
        self.stop_waiting(out);
        let mut gates = 0;
        if self.gates_open {
            self.gates_open = false;
            gates = self.config.clients & !self.gone;
            push(out, Action::CloseGates);
        }
        self.phase = Phase::Closing { quiet, gates };
        self.deadline = Some(now + self.config.quiesce);
        self.closed(now, out);
    }

    pub(crate) fn quiesced(&mut self, now: Micros, generation: Generation, out: &mut Actions) {
        if let (Phase::Closing { gates, .. }, Some(holder)) = (self.phase, self.holder)
            && holder.generation == generation
        {
            self.phase = Phase::Closing { quiet: true, gates };
            self.closed(now, out);
        }
    }

    pub(crate) fn gate_closed(&mut self, now: Micros, client: Client, out: &mut Actions) {
        if let Phase::Closing { quiet, gates } = self.phase {
            let gates = gates & !bit(client);
            self.phase = Phase::Closing { quiet, gates };
            self.closed(now, out);
        }
    }

    /// The deadline has passed. A client that has not left its region will fault if it touches it, and wait for the grant.
    pub(crate) fn closing_timed_out(&mut self, now: Micros, out: &mut Actions) {
        self.phase = Phase::Closing {
            quiet: true,
            gates: 0,
        };
        self.closed(now, out);
    }

    pub(crate) fn closed(&mut self, now: Micros, out: &mut Actions) {
        let (
            Phase::Closing {
                quiet: true,
                gates: 0,
            },
            Some(holder),
        ) = (self.phase, self.holder)
        else {
            return;
        };
        self.report(Status::Quiesced, Reason::None, out);
        // A generation that reports to be quiet is suspended too: it could start the device again before the denial.
        push(out, Action::Suspend(holder.generation));
        push(out, Action::StopDevice);
        self.phase = Phase::Stopping;
        self.deadline = Some(now + self.config.stop);
    }

    pub(crate) fn stopped(&mut self, now: Micros, out: &mut Actions) {
        if self.phase == Phase::Stopping && !self.waits_at(Barrier::Stopped) {
            self.deny(now, out);
        }
    }

    /// Takes everything from the holder, whose device has stopped.
    pub(crate) fn deny(&mut self, now: Micros, out: &mut Actions) {
        let Some(old) = self.holder.take() else {
            return;
        };
        push(out, Action::Deny(old.generation));
        self.report(Status::Denied, Reason::None, out);
        match self.job {
            Job::Update(_) => {
                // The old generation is kept until the commit, but a rollback builds a fresh one.
                self.old = Some(old);
                if !self.waits_at(Barrier::Denied) {
                    self.grant(now, out);
                }
            }
            Job::Recover(_) | Job::Keys { .. } | Job::None => {
                self.clear(old.arena, out);
                self.clear_old(out);
                self.wait_to_build(now, out);
            }
            Job::Retire(cause) => {
                self.clear(old.arena, out);
                self.clear_old(out);
                self.out_of_service(cause.reason, out);
            }
        }
    }

    pub(crate) fn grant(&mut self, now: Micros, out: &mut Actions) {
        let Some(next) = self.next.take() else {
            return;
        };
        let mut ready = self.config.ready;
        if matches!(self.job, Job::Recover(_)) {
            self.starts = self.starts.saturating_add(1);
            ready += self.config.transfer.unwrap_or(0);
        }
        self.holder = Some(next);
        self.phase = Phase::Starting;
        self.deadline = Some(now + ready);
        push(
            out,
            Action::Grant {
                generation: next.generation,
                arena: next.arena,
            },
        );
        self.report(Status::Granted, Reason::None, out);
    }

    pub(crate) fn ready(&mut self, now: Micros, generation: Generation, out: &mut Actions) {
        if self.phase != Phase::Starting || self.holder.is_none_or(|h| h.generation != generation) {
            return;
        }
        self.deadline = None;
        self.gates_open = true;
        push(out, Action::OpenGates(generation));
        self.watch = Some(Watch::new(now, &self.config));
        match self.job {
            Job::Recover(cause) => {
                self.report(Status::RolledBack, cause.reason, out);
                self.job = Job::None;
                self.phase = Phase::Idle;
                self.confirm_image(out);
            }
            _ => {
                self.phase = Phase::Probation;
                self.report(Status::Probation, Reason::None, out);
            }
        }
    }

    /// The new image has passed probation: it is committed once it outlives the power.
    pub(crate) fn keep(&mut self, now: Micros, out: &mut Actions) {
        match (self.config.keep, self.job) {
            // The transaction says when.
            (None, Job::Update(Candidate { joined: true, .. })) => self.phase = Phase::Keeping,
            (Some(span), Job::Update(candidate)) => {
                self.phase = Phase::Keeping;
                self.deadline = Some(now + span);
                let (slot, client) = (candidate.slot, candidate.client);
                push(out, Action::Keep { slot, client });
            }
            _ => self.commit(out),
        }
    }

    pub(crate) fn kept(&mut self, out: &mut Actions) {
        if self.phase == Phase::Keeping {
            self.deadline = None;
            match self.job {
                Job::Keys { .. } => self.exchange_keys(out),
                _ => self.commit(out),
            }
        }
    }

    /// Nothing is committed, and no list of keys in force, that may be gone after a power cut. The image is not to blame.
    pub(crate) fn keep_failed(&mut self, now: Micros, reason: Reason, out: &mut Actions) {
        match (self.phase, self.job) {
            (Phase::Keeping, Job::Keys { .. }) => self.refuse(reason, out),
            (Phase::Keeping, _) => {
                self.starts = 0;
                self.give_up(now, reason, out);
            }
            _ => {}
        }
    }

    /// Commits the new image.
    fn commit(&mut self, out: &mut Actions) {
        if let Job::Update(candidate) = self.job {
            let before = core::mem::replace(&mut self.committed, candidate.image());
            self.relapses = 0;
            if candidate.client.is_some() {
                self.floor = candidate.sequence;
                self.previous = Some(before);
                self.report(Status::Committed, Reason::None, out);
            } else {
                // What was rolled back is not accepted again: its sequence number was used.
                self.previous = None;
                self.report(Status::RolledBack, Reason::Operator, out);
            }
            self.clear_old(out);
            self.job = Job::None;
            self.phase = Phase::Idle;
            self.confirm_image(out);
        }
    }

    /// The holder runs the committed image.
    fn confirm_image(&self, out: &mut Actions) {
        if let (Some(_), Some(holder)) = (self.config.transfer, self.holder) {
            push(out, Action::Confirm(holder.generation));
        }
    }

    pub(crate) fn clear_old(&mut self, out: &mut Actions) {
        if let Some(old) = self.old.take() {
            self.clear(old.arena, out);
        }
    }
}
