// SPDX-License-Identifier: BSD-2-Clause
//! What the machine tells a client, and whether it is true.

use molt_update::{Client, Image, Reason, Status};

use super::{ALLOWED, Holder, World, config};

impl World {
    pub(super) fn reported(&mut self, client: Option<Client>, status: Status, reason: Reason) {
        if reason == Reason::InUse {
            let in_vain = |n: usize| self.left.unwrap_or(self.machine_defers())[n] == 0;
            let refused = (0..2).any(|n| self.has_not_given_up(n) && in_vain(n));
            self.rule(
                refused && !self.forced,
                "an update ends because of a device that is not in use, or too early",
            );
        }
        if status == Status::Offered {
            self.rule(!self.frozen, "an offer is taken while they are frozen");
            self.rule(self.transaction.is_none(), "two transactions at once");
            self.rule(
                client == Some(ALLOWED),
                "an offer is taken of a client that may not update",
            );
            self.transaction = client;
            self.confirmed = false;
            return;
        }
        if status == Status::Committed {
            if let Some(Holder { slot, .. }) = self.holder {
                let sequence = self.content(slot).map_or(0, |c| c.0);
                self.rule(
                    sequence > self.committed.sequence,
                    "committed a lower sequence number",
                );
                self.rule(
                    !self.store || self.kept == Some(slot),
                    "committed what does not outlive the power",
                );
                let digest = self.content(slot).map_or([0; 4], |c| c.1);
                let image = Image {
                    slot,
                    sequence,
                    digest,
                };
                self.previous = Some(core::mem::replace(&mut self.committed, image));
                self.starts = 0;
            }
            self.rule(self.holder.is_some(), "committed what does not run");
            // With a store, probation has ended before, with the order to keep the image.
            let judged = self.store || !self.erring;
            self.rule(judged, "committed what answered with errors");
        }
        if status == Status::KeysExchanged {
            self.rule(
                self.list > self.keys,
                "a list of keys is in force that is not newer",
            );
            self.rule(
                !self.store || self.kept_keys == self.list,
                "a list of keys is in force that does not outlive the power",
            );
            self.keys = self.list;
            self.previous = self.previous.filter(|previous| previous.slot == 0);
        }
        if status == Status::RolledBack && self.back && client.is_none() {
            // The image before runs, or the committed one still does.
            let slot = self.holder.map(|holder| holder.slot);
            if reason == Reason::Operator && slot == self.previous.map(|p| p.slot) {
                self.committed = self.previous.unwrap_or(self.committed);
                self.rule(
                    !self.store || self.kept == slot,
                    "went back to what does not outlive the power",
                );
                self.starts = 0;
            }
            self.previous = None;
            self.back = false;
        }
        if status == Status::OutOfService {
            self.back = false;
            self.rule(self.told, "out of service, and no client was told");
            self.rule(
                reason == Reason::StopTimeout || self.starts >= config().attempts,
                "out of service too early",
            );
        }
        if status.is_final() && client.is_some() {
            self.rule(
                self.transaction.is_some() && self.transaction == client,
                "a transaction ends twice",
            );
            self.transaction = None;
        }
    }
}
