// SPDX-License-Identifier: BSD-2-Clause
//! Clients that defer an update: "not now".
//!
//! A client may say until when it defers the updates of a component that it uses. It is asked once for each update, when the new
//! generation stands ready and nothing has been disturbed; the update waits in [`Phase::Deferred`] for those that defer it then, or
//! begin to while it waits. From that moment on each of them has its time ([`crate::Config::defer`]) and not more, and whoever has let
//! the update pass, or whose time is over, is not waited for again. So an update waits no longer than the longest of these times,
//! whatever the clients say.
//!
//! A client that has to give its device up ([`crate::Config::consents`]) defers updates for as long as it has not. If it still has not when
//! its time is over, the update ends, and nothing was disturbed.
//!
//! Neither a recovery nor the operator's own rollback waits, nor an update that the operator forces.

use crate::action::push;
use crate::machine::bit;
use crate::operator::decline;
use crate::phase::{Barrier, Candidate, Job, Phase};
use crate::{Action, Actions, Client, Digest, Machine, Micros, Reason, Status};

/// Clients that a machine knows.
pub const CLIENTS: usize = 8;

/// What the clients say, and how long it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Deferrals {
    /// Until when each client defers updates.
    until: [Micros; CLIENTS],
    /// Once they are asked: until when each of them is waited for at the most.
    most: [Micros; CLIENTS],
    /// Bit n: client n is waited for.
    by: u8,
    /// The one of them that is named.
    named: Client,
}

impl Deferrals {
    /// Until when a client is waited for, as it looks now.
    fn end(&self, client: Client) -> Micros {
        let of = |times: &[Micros; CLIENTS]| times.get(usize::from(client)).copied();
        of(&self.until).min(of(&self.most)).unwrap_or(0)
    }

    /// Whether a client defers updates although its time is over.
    fn uses(&self, client: Client, now: Micros) -> bool {
        let until = self.until.get(usize::from(client)).copied();
        until.is_some_and(|until| until > now) && self.end(client) <= now
    }

    pub fn rebase(&mut self, now: Micros) {
        for time in self.until.iter_mut().chain(&mut self.most) {
            *time = time.saturating_sub(now);
        }
    }
}

impl Machine {
    /// A client says until when it defers updates.
    pub(crate) fn defer(&mut self, now: Micros, client: Client, until: Micros, out: &mut Actions) {
        if let Some(place) = self.deferrals.until.get_mut(usize::from(client)) {
            *place = until;
        }
        self.look_at_deferrals(now, out);
    }

    /// The update is ready to disturb the clients: from now on their times count.
    pub(crate) fn ask_clients(&mut self, now: Micros, out: &mut Actions) {
        self.deferrals.most = self.config.defer.map(|span| now.saturating_add(span));
        self.wait_for_clients(now, out);
    }

    /// Something may have changed about who defers the update that has asked.
    pub(crate) fn look_at_deferrals(&mut self, now: Micros, out: &mut Actions) {
        if let Phase::Deferred | Phase::AtBarrier(Barrier::Admitted) = self.phase {
            self.wait_for_clients(now, out);
        }
    }

    /// Waits for the clients that defer the update; without any it goes on.
    fn wait_for_clients(&mut self, now: Micros, out: &mut Actions) {
        let before = self.deferrals.by;
        let by = self.deferring(now);
        for (n, most) in self.deferrals.most.iter_mut().enumerate() {
            // It has let the update pass.
            if before & !by & 1 << n != 0 {
                *most = 0;
            }
        }
        if self.is_refused(now) {
            return self.refuse(Reason::InUse, out);
        }
        self.wait_for(by, out);
        let ends = clients(by).map(|client| (self.deferrals.end(client), client));
        let Some((last, client)) = ends.max() else {
            if !self.waits_at(Barrier::Admitted) {
                self.close_in_order(now, out);
            }
            return;
        };
        self.phase = Phase::Deferred;
        self.deadline = Some(last);
        if before & by & bit(self.deferrals.named) == 0 {
            self.deferrals.named = client;
            self.report(Status::Deferred, Reason::None, out);
        }
    }

    /// The clients that defer the update now, one bit each.
    fn deferring(&self, now: Micros) -> u8 {
        let defer = clients(self.asked()).filter(|client| self.deferrals.end(*client) > now);
        defer.fold(0, |by, client| by | bit(client))
    }

    /// Whether a client that has to give the device up still has it, and is not waited for any longer.
    fn is_refused(&self, now: Micros) -> bool {
        let mut consent = clients(self.asked() & self.config.consents);
        consent.any(|client| self.deferrals.uses(client, now))
    }

    /// The clients that may defer the update, one bit each.
    fn asked(&self) -> u8 {
        match self.job {
            Job::Update(Candidate {
                client: Some(_),
                forced: false,
                ..
            }) => self.config.clients & !self.gone,
            _ => 0,
        }
    }

    /// No client is waited for any more: the update goes on, or has ended.
    pub(crate) fn stop_waiting(&mut self, out: &mut Actions) {
        self.wait_for(0, out);
        self.deferrals.most = [0; CLIENTS];
    }

    fn wait_for(&mut self, by: u8, out: &mut Actions) {
        if core::mem::replace(&mut self.deferrals.by, by) != by {
            push(out, Action::WaitFor(by));
        }
    }

    /// The client that the update waits for, and until when at the most. Of several, the one that was reported last.
    #[must_use]
    pub fn deferred(&self) -> Option<(Client, Micros)> {
        let named = self.deferrals.named;
        let most = self.deferrals.most.get(usize::from(named)).copied();
        let waits = self.phase == Phase::Deferred && self.deferrals.by & bit(named) != 0;
        Some(named).zip(most).filter(|_| waits)
    }

    /// Until when the update waits for this client at the most, if it waits for it.
    #[must_use]
    pub fn waits_for(&self, client: Client) -> Option<Micros> {
        let most = self.deferrals.most.get(usize::from(client)).copied();
        most.filter(|_| self.deferrals.by & bit(client) != 0)
    }

    /// The operator forces the update under way, if it is about this image: no client is waited for.
    pub(crate) fn force(&mut self, now: Micros, digest: Digest, out: &mut Actions) {
        let is_ahead = matches!(
            self.phase,
            Phase::Approval
                | Phase::Waiting
                | Phase::Building
                | Phase::Transferring
                | Phase::AtBarrier(Barrier::Staged | Barrier::Admitted)
                | Phase::Deferred
        );
        match &mut self.job {
            Job::Update(candidate) if is_ahead && candidate.digest == digest => {
                candidate.forced = true;
                self.look_at_deferrals(now, out);
            }
            _ => decline(Reason::NothingOffered, out),
        }
    }

    /// Whether the operator has forced the update under way.
    #[must_use]
    pub fn forced(&self) -> bool {
        matches!(self.job, Job::Update(Candidate { forced: true, .. }))
    }
}

/// The clients of a set.
fn clients(set: u8) -> impl Iterator<Item = Client> {
    (0..CLIENTS as Client).filter(move |client| set & bit(*client) != 0)
}
