// SPDX-License-Identifier: BSD-2-Clause
//! The part of a transaction from the offer to a generation that is built beside the running one. It does not disturb what
//! runs.

use crate::action::push;
use crate::machine::bit;
use crate::phase::{Arena, Candidate, Instance, Job, Phase, Stage};
use crate::{Action, Actions, Client, Digest, Generation, Machine, Micros, Reason, Status};

impl Machine {
    pub(crate) fn offer(
        &mut self,
        now: Micros,
        client: Client,
        allowed: bool,
        handle: u64,
        out: &mut Actions,
    ) {
        match self.accept(client, allowed) {
            Ok(candidate) => {
                self.phase = Phase::Offered { handle };
                self.deadline = Some(now + self.config.offer);
                self.job = Job::Update(candidate);
                self.report(Status::Offered, Reason::None, out);
            }
            Err(reason) => reject(client, reason, out),
        }
    }

    /// A candidate for a bundle of this client; an error if none can be taken now.
    pub(crate) fn accept(&self, client: Client, allowed: bool) -> Result<Candidate, Reason> {
        match self.phase {
            _ if !allowed => Err(Reason::NotAllowed),
            Phase::OutOfService(_) => Err(Reason::OutOfService),
            _ if self.frozen => Err(Reason::Frozen),
            Phase::Idle if self.stage == Stage::Free => Ok(Candidate {
                client: Some(client),
                slot: self.free_slot().ok_or(Reason::Internal)?,
                sequence: 0,
                digest: [0; 4],
                joined: false,
                forced: false,
            }),
            _ => Err(Reason::Busy),
        }
    }

    pub(crate) fn confirm(&mut self, now: Micros, client: Client, handle: u64, out: &mut Actions) {
        match (self.phase, self.job) {
            (Phase::Offered { handle: right }, Job::Update(candidate))
                if candidate.client == Some(client) =>
            {
                if handle != right {
                    return reject(client, Reason::WrongHandle, out);
                }
                self.verify(now, client, candidate.slot, out);
            }
            _ => reject(client, Reason::NothingOffered, out),
        }
    }

    /// Has the client's bundle, which it has confirmed, copied to the slot and verified.
    pub(crate) fn verify(&mut self, now: Micros, client: Client, slot: u8, out: &mut Actions) {
        self.phase = Phase::Verifying;
        self.deadline = Some(now + self.config.stage);
        self.stage = Stage::Working;
        self.previous = self.previous.filter(|p| p.slot != slot);
        self.report(Status::Confirmed, Reason::None, out);
        push(
            out,
            Action::Verify {
                slot,
                client,
                committed: self.floor,
                keys: self.keys,
            },
        );
    }

    pub(crate) fn cancel(&mut self, client: Client, handle: u64, out: &mut Actions) {
        match (self.phase, self.job) {
            (Phase::Offered { handle: right }, Job::Update(candidate))
                if candidate.client == Some(client) =>
            {
                if handle == right {
                    self.refuse(Reason::Cancelled, out);
                } else {
                    reject(client, Reason::WrongHandle, out);
                }
            }
            _ => reject(client, Reason::NothingOffered, out),
        }
    }

    /// A client is dead or fenced. Once `stage` has been told to copy, this does not change the offer.
    pub(crate) fn client_gone(&mut self, now: Micros, client: Client, out: &mut Actions) {
        self.gone |= bit(client);
        if matches!(self.phase, Phase::Offered { .. }) && self.client() == Some(client) {
            self.refuse(Reason::Cancelled, out);
        }
        self.look_at_deferrals(now, out);
        self.gate_closed(now, client, out);
    }

    pub(crate) fn verified(
        &mut self,
        now: Micros,
        sequence: u64,
        digest: Digest,
        out: &mut Actions,
    ) {
        if self.stage_answers(now, out) {
            let (Phase::Verifying, Job::Update(candidate)) = (self.phase, self.job) else {
                return;
            };
            // `stage` has checked this too, but nothing is started only because `stage` says so.
            if sequence <= self.floor {
                return self.refuse(Reason::OldSequence, out);
            }
            if self.failed.contains(now, &digest) {
                return self.refuse(Reason::FailedBefore, out);
            }
            self.job = Job::Update(Candidate {
                sequence,
                digest,
                ..candidate
            });
            self.report(Status::Verified, Reason::None, out);
            let asks = |client| self.config.approved & bit(client) != 0;
            if candidate.client.is_some_and(asks) {
                self.phase = Phase::Approval;
                self.deadline = Some(now + self.config.approval);
                self.report(Status::Approval, Reason::None, out);
            } else {
                self.wait_to_build(now, out);
            }
        }
    }

    /// A slot for the next bundle: not the committed one's, and rather not that of the one before.
    fn free_slot(&self) -> Option<u8> {
        let free = || (1..self.config.slots).filter(|slot| *slot != self.committed.slot);
        let previous = self.previous.map(|previous| previous.slot);
        free()
            .find(|slot| Some(*slot) != previous)
            .or_else(|| free().next())
    }

    pub(crate) fn wait_to_build(&mut self, now: Micros, out: &mut Actions) {
        self.phase = Phase::Waiting;
        self.deadline = Some(now + self.config.stage);
        self.try_to_build(out);
    }

    pub(crate) fn try_to_build(&mut self, out: &mut Actions) {
        if self.phase != Phase::Waiting || self.stage != Stage::Free {
            return;
        }
        let Some(arena) = self.arenas.iter().position(|a| *a == Arena::Empty) else {
            return;
        };
        let slot = match self.job {
            Job::Update(candidate) => candidate.slot,
            _ => self.committed.slot,
        };
        let generation = self.number;
        self.number += 1;
        self.use_arena(arena, Arena::Used);
        let arena = arena as u8;
        self.next = Some(Instance { generation, arena });
        self.stage = Stage::Working;
        self.phase = Phase::Building;
        push(
            out,
            Action::Build {
                slot,
                arena,
                generation,
            },
        );
    }

    pub(crate) fn built(&mut self, now: Micros, out: &mut Actions) {
        if self.stage_answers(now, out) && self.phase == Phase::Building {
            match self.job {
                Job::Update(_) => {
                    self.report(Status::Staged, Reason::None, out);
                    self.transfer(now, out);
                }
                _ => self.grant(now, out),
            }
        }
    }

    /// Has the holder transfer the firmware that the next generation brings, if there is any.
    fn transfer(&mut self, now: Micros, out: &mut Actions) {
        let (Some(span), Some(holder), Some(next)) = (self.config.transfer, self.holder, self.next)
        else {
            return self.staged(now, out);
        };
        self.phase = Phase::Transferring;
        self.deadline = Some(now + span);
        push(
            out,
            Action::Transfer {
                generation: holder.generation,
                arena: next.arena,
            },
        );
    }

    pub(crate) fn transferred(&mut self, now: Micros, by: Generation, out: &mut Actions) {
        if self.transfers(by) {
            self.report(Status::Transferred, Reason::None, out);
            self.staged(now, out);
        }
    }

    pub(crate) fn transfer_failed(&mut self, by: Generation, out: &mut Actions) {
        if self.transfers(by) {
            self.refuse(Reason::TransferFailed, out);
        }
    }

    fn transfers(&self, generation: Generation) -> bool {
        self.phase == Phase::Transferring && self.holder.is_some_and(|h| h.generation == generation)
    }

    pub(crate) fn stage_failed(&mut self, now: Micros, reason: Reason, out: &mut Actions) {
        if self.stage_answers(now, out) {
            match (self.phase, self.job) {
                (Phase::Verifying, _) | (Phase::Building, Job::Update(_)) => {
                    self.refuse(reason, out);
                }
                (Phase::Building, _) => self.rebuild(now, reason, out),
                _ => {}
            }
        }
    }

    pub(crate) fn stage_timed_out(&mut self, now: Micros, out: &mut Actions) {
        self.abandon_stage();
        match self.job {
            Job::Update(_) => self.refuse(Reason::StageTimeout, out),
            _ => self.rebuild(now, Reason::StageTimeout, out),
        }
    }

    pub(crate) fn arena_cleared(&mut self, _now: Micros, arena: u8, out: &mut Actions) {
        if self.arenas.get(usize::from(arena)) == Some(&Arena::Clearing) {
            self.use_arena(arena.into(), Arena::Empty);
            self.try_to_build(out);
        }
    }

    /// Ends a transaction that has disturbed nothing.
    pub(crate) fn refuse(&mut self, reason: Reason, out: &mut Actions) {
        self.abandon_stage();
        self.stop_waiting(out);
        self.report(Status::Refused, reason, out);
        self.drop_next(out);
        self.job = Job::None;
        self.phase = Phase::Idle;
        self.deadline = None;
    }

    /// Gives up the generation beside the holder.
    pub(crate) fn drop_next(&mut self, out: &mut Actions) {
        if let Some(next) = self.next.take() {
            self.clear(next.arena, out);
        }
    }

    pub(crate) fn clear(&mut self, arena: u8, out: &mut Actions) {
        if self.arenas.get(usize::from(arena)) == Some(&Arena::Used) {
            self.use_arena(arena.into(), Arena::Clearing);
            push(out, Action::ClearArena(arena));
        }
    }

    /// The result of what `stage` is doing is not wanted any more: its answer will be ignored.
    pub(crate) fn abandon_stage(&mut self) {
        if self.stage == Stage::Working {
            self.stage = Stage::Draining;
        }
    }

    /// `stage` is free. Returns whether its answer is wanted.
    pub(crate) fn stage_answers(&mut self, _now: Micros, out: &mut Actions) -> bool {
        let wanted = self.stage == Stage::Working;
        self.stage = Stage::Free;
        if !wanted {
            self.try_to_build(out);
        }
        wanted
    }

    fn use_arena(&mut self, arena: usize, how: Arena) {
        if let Some(place) = self.arenas.get_mut(arena) {
            *place = how;
        }
    }
}

pub(crate) fn reject(client: Client, reason: Reason, out: &mut Actions) {
    push(out, Action::Reject { client, reason });
}
