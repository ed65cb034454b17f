// SPDX-License-Identifier: BSD-2-Clause
//! Rollback to the committed image, and out of service if even that fails.

use crate::action::push;
use crate::phase::{Barrier, Cause, Job, Phase};
use crate::{Action, Actions, Machine, Micros, Reason, Status};

impl Machine {
    /// The generation that holds the device has failed.
    pub(crate) fn holder_failed(&mut self, now: Micros, reason: Reason, out: &mut Actions) {
        match self.phase {
            // It is being replaced already.
            Phase::Closing { gates, .. } => {
                if let Some(holder) = self.holder {
                    push(out, Action::Suspend(holder.generation));
                }
                self.phase = Phase::Closing { quiet: true, gates };
                return self.closed(now, out);
            }
            Phase::Stopping
            | Phase::AtBarrier(Barrier::Stopped | Barrier::Denied)
            | Phase::OutOfService(_)
            | Phase::Off => return,
            Phase::Starting | Phase::Probation | Phase::Keeping if !self.keeps_keys() => {
                if let Job::Update(candidate) = self.job {
                    if let Some(client) = candidate.client {
                        let span = self.config.remember;
                        self.failed.add(now, client, candidate.digest, span);
                        push(out, Action::Blame { client, reason });
                    } else {
                        // What the operator went back to does not work.
                        self.previous = None;
                    }
                    // The committed image worked until it was replaced.
                    self.starts = 0;
                }
            }
            // The committed image failed. An update that has not reached the swap is given up.
            _ => self.relapsed(now),
        }
        self.give_up(now, reason, out);
    }

    /// Brings the committed image back in place of the holder.
    pub(crate) fn give_up(&mut self, now: Micros, reason: Reason, out: &mut Actions) {
        self.abandon_stage();
        self.drop_next(out);
        let cause = Cause {
            client: self.client(),
            reason,
        };
        let hopeless = self.starts >= self.config.attempts || self.relapses > self.config.relapses;
        self.job = if hopeless {
            Job::Retire(cause)
        } else {
            Job::Recover(cause)
        };
        if let Some(holder) = self.holder {
            push(out, Action::Suspend(holder.generation));
        }
        self.close(now, true, out);
    }

    /// The committed image has failed after it had passed probation. Relapses are limited: an image that always fails soon
    /// would otherwise be started again for ever.
    fn relapsed(&mut self, now: Micros) {
        match self.settled.take() {
            Some(at) if at <= now => self.relapses = 0,
            Some(_) => self.relapses = self.relapses.saturating_add(1),
            None => {}
        }
    }

    /// The committed image could not be built. Nobody holds the device.
    pub(crate) fn rebuild(&mut self, now: Micros, reason: Reason, out: &mut Actions) {
        self.drop_next(out);
        self.starts = self.starts.saturating_add(1);
        if self.starts >= self.config.attempts {
            self.out_of_service(reason, out);
        } else {
            self.wait_to_build(now, out);
        }
    }

    /// Puts the component out of service. The device has been stopped and taken away; or it could not be stopped, and no
    /// generation runs it.
    pub(crate) fn out_of_service(&mut self, reason: Reason, out: &mut Actions) {
        push(out, Action::FailGates);
        self.report(Status::OutOfService, reason, out);
        self.drop_next(out);
        self.job = Job::None;
        self.phase = Phase::OutOfService(reason);
        self.deadline = None;
        self.watch = None;
    }
}
