// SPDX-License-Identifier: BSD-2-Clause
//! What an event that is about to happen says of the world.

use molt_update::{Event, Phase};

use super::{Device, HANDLE, StageJob, World};

impl World {
    pub(super) fn before(&mut self, event: Event) {
        match event {
            Event::Verified { sequence, digest } => {
                if let Some(StageJob::Verify { slot }) = self.stage {
                    self.slots[usize::from(slot)] = Some((sequence, digest));
                    self.verified_with[usize::from(slot)] = self.keys;
                }
                self.stage = None;
            }
            Event::KeysVerified { sequence } => {
                self.list = sequence;
                self.stage = None;
            }
            Event::Built | Event::StageFailed(_) => self.stage = None,
            Event::ArenaCleared(arena) => {
                self.clearing[usize::from(arena)] = false;
                self.arenas[usize::from(arena)] = None;
            }
            Event::Kept if self.machine.keeps_keys() => {
                self.keeping_keys = false;
                self.kept_keys = self.list;
            }
            Event::KeepFailed(_) if self.machine.keeps_keys() => self.keeping_keys = false,
            Event::Kept => self.kept = self.keeping.take().or(self.kept),
            Event::KeepFailed(_) => self.keeping = None,
            Event::GateClosed(client) => self.gates &= !(1 << client),
            Event::Transferred(generation)
                if self.holder.is_some_and(|h| h.generation == generation) =>
            {
                self.transferred = self.transferring.take().or(self.transferred);
            }
            Event::TransferFailed(generation)
                if self.holder.is_some_and(|h| h.generation == generation) =>
            {
                self.transferring = None;
            }
            Event::Quiesced(_) => self.quiesce = false,
            Event::Stopped if self.device == Device::Stopping => self.device = Device::Stopped,
            Event::Beat(_) => self.beat = false,
            Event::Ready(generation) => {
                if let Some(holder) = &mut self.holder {
                    holder.ready |= holder.generation == generation;
                }
            }
            Event::Health {
                generation,
                completions: 4..,
                errors: 0,
                ..
            } if self
                .holder
                .is_some_and(|h| h.generation == generation && h.ready && !h.suspended) =>
            {
                self.starts = 0;
            }
            Event::Join(_) => self.joined = true,
            Event::Confirm { client, handle } => {
                self.confirmed |= self.transaction == Some(client) && handle == HANDLE;
            }
            Event::Health {
                generation,
                errors: 1..,
                ..
            } => {
                let holder = self.holder.filter(|h| h.ready && !h.suspended);
                self.erring |= holder.is_some_and(|h| h.generation == generation);
            }
            Event::ClientGone(client) => {
                self.gone |= 1 << client;
                self.gates &= !(1 << client);
            }
            Event::ClientBack(client) => self.gone &= !(1 << client),
            Event::Defer { client, until } => self.defers[usize::from(client)] = until,
            Event::Force(digest) => {
                self.forced |= self.machine.candidate().is_some_and(|i| i.digest == digest)
                    && self.transaction.is_some()
                    && self.gates_open;
            }
            Event::Forgive => self.failed.clear(),
            Event::ForgiveImage(digest) => self.failed.retain(|failed| *failed != digest),
            Event::Approve(digest) if self.machine.waits().is_some() => {
                self.approved = Some(digest)
            }
            Event::Freeze(frozen) => self.frozen = frozen,
            Event::RollBack if self.machine.phase() == Phase::Idle => {
                self.back = self.previous.is_some();
            }
            // The device is stopped, or is stopped once more.
            Event::Readmit if matches!(self.machine.phase(), Phase::OutOfService(_)) => {
                self.starts = 0;
            }
            _ => {}
        }
    }
}
