// SPDX-License-Identifier: BSD-2-Clause
//! The operator's events.
//!
//! The image before the committed one is what [`Event::RollBack`](crate::Event) goes to: it is built, swapped in and put on probation
//! like an update, so that the committed image comes back if it fails. It has run before, and is in its slot as `stage` verified
//! it. The sequence numbers that are accepted do not change.

use crate::action::push;
use crate::phase::{Barrier, Candidate, Cause, Job, Phase, Stage};
use crate::{Action, Actions, Digest, Machine, Micros, Reason};

impl Machine {
    pub(crate) fn approve(&mut self, now: Micros, digest: Digest, out: &mut Actions) {
        if self.waits().is_some_and(|image| image.digest == digest) {
            self.wait_to_build(now, out);
        } else {
            decline(Reason::NothingOffered, out);
        }
    }

    pub(crate) fn disapprove(&mut self, digest: Digest, out: &mut Actions) {
        if self.waits().is_some_and(|image| image.digest == digest) {
            self.refuse(Reason::NotApproved, out);
        } else {
            decline(Reason::NothingOffered, out);
        }
    }

    /// An update that has disturbed nothing yet is refused. What has the device is judged by its probation.
    pub(crate) fn freeze(&mut self, frozen: bool, out: &mut Actions) {
        self.frozen = frozen;
        let disturbs = !matches!(
            self.phase,
            Phase::Offered { .. }
                | Phase::Verifying
                | Phase::Approval
                | Phase::Waiting
                | Phase::Building
                | Phase::Transferring
                | Phase::AtBarrier(Barrier::Staged | Barrier::Admitted)
                | Phase::Deferred
        );
        if frozen && !disturbs && self.client().is_some() && matches!(self.job, Job::Update(_)) {
            self.refuse(Reason::Frozen, out);
        }
    }

    pub(crate) fn forgive(&mut self, digest: &Digest, out: &mut Actions) {
        if !self.failed.remove(digest) {
            decline(Reason::NothingOffered, out);
        }
    }

    pub(crate) fn roll_back(&mut self, now: Micros, out: &mut Actions) {
        match (self.phase, self.previous) {
            (Phase::OutOfService(_), _) => decline(Reason::OutOfService, out),
            (Phase::Idle, Some(image)) if self.stage == Stage::Free => {
                self.job = Job::Update(Candidate {
                    client: None,
                    slot: image.slot,
                    sequence: image.sequence,
                    digest: image.digest,
                    joined: false,
                    forced: false,
                });
                self.wait_to_build(now, out);
            }
            (Phase::Idle, None) => decline(Reason::NothingBefore, out),
            _ => decline(Reason::Busy, out),
        }
    }

    /// The committed image is tried again, as often as at the start.
    pub(crate) fn readmit(&mut self, now: Micros, out: &mut Actions) {
        if !matches!(self.phase, Phase::OutOfService(_)) {
            return decline(Reason::Busy, out);
        }
        (self.starts, self.relapses, self.settled) = (0, 0, None);
        self.job = Job::Recover(Cause {
            client: None,
            reason: Reason::Operator,
        });
        push(out, Action::Reclaim);
        if self.holder.is_some() {
            // Its device did not stop by the deadline, and was not taken from it.
            push(out, Action::StopDevice);
            self.phase = Phase::Stopping;
            self.deadline = Some(now + self.config.stop);
        } else {
            self.wait_to_build(now, out);
        }
    }
}

pub(crate) fn decline(reason: Reason, out: &mut Actions) {
    push(out, Action::Decline(reason));
}
