// SPDX-License-Identifier: BSD-2-Clause
//! Lists of keys: which keys may sign for the component from now on.
//!
//! A list is offered, confirmed, copied and verified like a bundle. It disturbs nothing: no generation is built and nothing is taken
//! from anybody. With a store it is kept first; then it is in force, and the client is told. The machine knows a list by its sequence
//! number only, which it tells `stage` with each verification.
//!
//! A component has one transaction at a time, so no bundle is between its verification and its commit when the keys change. What runs is
//! not judged again.

use crate::action::push;
use crate::phase::{Job, Phase};
use crate::{Action, Actions, Machine, Micros, Reason, Status};

impl Machine {
    /// Whether a list of keys is being kept.
    #[must_use]
    pub fn keeps_keys(&self) -> bool {
        self.phase == Phase::Keeping && matches!(self.job, Job::Keys { .. })
    }

    pub(crate) fn keys_verified(&mut self, now: Micros, sequence: u64, out: &mut Actions) {
        if !self.stage_answers(now, out) {
            return;
        }
        let (Phase::Verifying, Job::Update(candidate)) = (self.phase, self.job) else {
            return;
        };
        // `stage` has checked this too, but no list is in force only because `stage` says so.
        if sequence <= self.keys {
            return self.refuse(Reason::OldKeys, out);
        }
        let Some(client) = candidate.client else {
            return self.refuse(Reason::Internal, out);
        };
        self.job = Job::Keys { client, sequence };
        let Some(span) = self.config.keep else {
            return self.exchange_keys(out);
        };
        self.phase = Phase::Keeping;
        self.deadline = Some(now + span);
        let slot = candidate.slot;
        push(out, Action::KeepKeys { slot, client });
    }

    /// The list is in force.
    pub(crate) fn exchange_keys(&mut self, out: &mut Actions) {
        if let Job::Keys { sequence, .. } = self.job {
            self.keys = sequence;
            // The key of the image before may be revoked now. Nobody has signed the factory image.
            self.previous = self.previous.filter(|image| image.slot == 0);
            self.report(Status::KeysExchanged, Reason::None, out);
            self.job = Job::None;
            self.phase = Phase::Idle;
            self.deadline = None;
        }
    }
}
