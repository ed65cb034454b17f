// SPDX-License-Identifier: BSD-2-Clause
//! What the machine does, and whether it may.

use molt_update::Action;

use super::{Device, Holder, StageJob, World};

impl World {
    pub(super) fn carry_out(&mut self, action: Action) {
        match action {
            Action::Verify {
                slot,
                committed,
                client,
                keys,
            } => {
                self.rule(
                    keys == self.keys,
                    "stage is told of another list of keys than the one in force",
                );
                self.rule(
                    (self.confirmed || self.joined) && self.transaction == Some(client),
                    "a bundle is copied that its client did not confirm with its handle",
                );
                self.rule(self.stage.is_none(), "two commands to stage at once");
                self.rule(
                    slot != 0 && slot != self.committed.slot,
                    "the committed or the factory image is overwritten",
                );
                self.rule(
                    committed >= self.committed.sequence
                        && committed >= self.previous.map_or(0, |previous| previous.sequence),
                    "stage is told a wrong sequence number",
                );
                self.slots[usize::from(slot)] = None;
                self.previous = self.previous.filter(|previous| previous.slot != slot);
                self.approved = None;
                self.stage = Some(StageJob::Verify { slot });
            }
            Action::Build { slot, arena, .. } => {
                self.rule(self.stage.is_none(), "two commands to stage at once");
                self.rule(
                    self.arenas[usize::from(arena)].is_none(),
                    "a generation is built in an arena that is in use",
                );
                let back = self.back && self.previous.is_some_and(|p| p.slot == slot);
                let update = self.content(slot).is_some_and(|(sequence, digest)| {
                    sequence > self.committed.sequence && !self.failed.contains(&digest)
                });
                let signed = slot == self.committed.slot || update || back;
                self.rule(signed, "an image is built that may not run");
                self.rule(
                    !update || self.verified_with[usize::from(slot)] == self.keys,
                    "an update is built that was verified with other keys",
                );
                if slot != self.committed.slot && !back {
                    let digest = self.content(slot).map(|(_, digest)| digest);
                    self.rule(
                        !self.asks || self.approved == digest,
                        "an image is built that nobody approved",
                    );
                    self.rule(!self.frozen, "an update is built while they are frozen");
                }
                if slot == self.committed.slot {
                    self.starts = self.starts.saturating_add(1);
                }
                self.arenas[usize::from(arena)] = Some(slot);
                self.stage = Some(StageJob::Build);
            }
            Action::Transfer { generation, arena } => {
                let serves = self.holder.is_some_and(|h| {
                    h.generation == generation && h.arena != arena && h.ready && !h.suspended
                });
                self.rule(
                    serves && self.gates_open,
                    "transferred by one that does not serve",
                );
                self.rule(
                    self.stage.is_none() && self.arenas[usize::from(arena)].is_some(),
                    "transferred before it was built",
                );
                self.transferring = Some(arena);
            }
            Action::Confirm(generation) => {
                let holder = self
                    .holder
                    .filter(|h| h.generation == generation && h.ready);
                self.rule(
                    holder.is_some_and(|h| h.slot == self.committed.slot),
                    "the device is told to keep firmware that is not committed",
                );
                self.confirmed_firmware = Some(generation);
            }
            Action::Prepare { arena, .. } => {
                self.rule(
                    self.stage.is_none() && self.arenas[usize::from(arena)].is_some(),
                    "prepared before it was built",
                );
                self.rule(
                    !self.firmware || self.transferred == Some(arena),
                    "swapped before the device had the firmware",
                );
            }
            Action::Quiesce(_) => self.quiesce = true,
            Action::WaitFor(by) => {
                let bounds = self.machine_defers();
                let left = self.left.get_or_insert(bounds);
                for (n, left) in left.iter_mut().enumerate() {
                    if self.waits_for & !by & 1 << n != 0 {
                        *left = 0;
                    }
                }
                self.waits_for = by;
                let some = by & self.gone == 0
                    && (0..2).all(|n| by & 1 << n == 0 || self.defers[n] > 0 && bounds[n] > 0);
                self.rule(some, "an update waits for a client that does not defer it");
            }
            Action::CloseGates => {
                if self.machine.candidate().is_some() && !self.forced && !self.back {
                    let left = self.left.unwrap_or(self.machine_defers());
                    let defers =
                        |n: usize| self.gone & 1 << n == 0 && self.defers[n].min(left[n]) > 0;
                    let disturbs = (0..2).any(defers);
                    self.rule(!disturbs, "an update disturbs a client that defers it");
                    let given_up = !(0..2).any(|n| self.has_not_given_up(n));
                    self.rule(given_up, "an update takes a device that is in use");
                }
                self.gates = 0b11 & !self.gone;
                self.gates_open = false;
            }
            Action::FailGates => {
                self.rule(!self.gates_open, "clients are in their regions");
                self.told = true;
            }
            Action::Reclaim => {
                self.rule(self.told, "a component comes back that was in service");
                self.told = false;
            }
            Action::Decline(_) => {}
            Action::OpenGates(generation) => {
                let ready = self
                    .holder
                    .is_some_and(|h| h.generation == generation && h.ready && !h.suspended);
                self.rule(ready, "resumed before the generation was ready");
                self.gates_open = true;
            }
            Action::Suspend(_) => {
                if let Some(holder) = &mut self.holder {
                    let first = !core::mem::replace(&mut holder.suspended, true);
                    let slot = holder.slot;
                    // An update's image that had the device and loses it: it is not to come back.
                    if first
                        && !self.back
                        && slot != self.committed.slot
                        && let Some((_, digest)) = self.content(slot)
                        && !self.failed.contains(&digest)
                    {
                        self.failed.push(digest);
                    }
                }
            }
            Action::StopDevice => {
                self.rule(
                    self.holder.is_none_or(|h| h.suspended),
                    "the device is stopped under a driver that can start it",
                );
                self.device = Device::Stopping;
            }
            Action::Deny(generation) => {
                self.rule(
                    self.device == Device::Stopped,
                    "revoked before the stop was acknowledged",
                );
                self.rule(
                    self.holder.is_some_and(|h| h.generation == generation),
                    "denied to one that does not hold",
                );
                self.holder = None;
            }
            Action::Grant { generation, arena } => {
                self.rule(!self.told, "clients have what they were lent");
                self.rule(self.holder.is_none(), "two generations hold the device");
                self.rule(
                    self.last_granted.is_none_or(|last| last < generation),
                    "a generation's number is used again",
                );
                self.rule(
                    !self.clearing[usize::from(arena)],
                    "granted to one that is being cleared",
                );
                self.last_granted = Some(generation);
                self.device = Device::Running;
                self.quiesce = false;
                self.beat = false;
                self.erring = false;
                let slot = self.arenas[usize::from(arena)].unwrap_or(9);
                self.holder = Some(Holder {
                    generation,
                    arena,
                    suspended: false,
                    ready: false,
                    slot,
                });
            }
            Action::ClearArena(arena) => {
                self.rule(
                    self.holder.is_none_or(|h| h.arena != arena),
                    "the arena of the holder is revoked",
                );
                self.transferring = self.transferring.filter(|from| *from != arena);
                self.transferred = self.transferred.filter(|from| *from != arena);
                self.clearing[usize::from(arena)] = true;
            }
            Action::Keep { slot, client } => {
                let runs = self.holder.is_some_and(|h| h.slot == slot && h.ready);
                self.rule(runs, "an image is kept that does not run");
                self.rule(
                    self.transaction == client && (client.is_some() || self.back),
                    "kept without a transaction",
                );
                self.rule(!self.erring, "kept what answered with errors");
                self.keeping = Some(slot);
                self.kept = None;
            }
            Action::KeepKeys { client, .. } => {
                self.rule(
                    self.transaction == Some(client) && self.list > self.keys,
                    "a list of keys is kept that is not newer, or without a transaction",
                );
                self.keeping_keys = true;
            }
            Action::Blame { client, .. } => self.rule(
                self.transaction == Some(client),
                "blamed without a transaction",
            ),
            Action::AskBeat(_) => self.beat = true,
            Action::Report {
                client,
                status,
                reason,
            } => self.reported(client, status, reason),
            Action::Reject { .. } => {}
        }
    }
}
