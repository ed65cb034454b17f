// SPDX-License-Identifier: BSD-2-Clause
//! What a disk with the technique `stand-in` does with its guest's requests while the driver is away, and when it is back.

use molt_block_queue::Op;
use molt_queue::Payload;

use super::{Block, FLUSH, SLOTS};
use crate::bus::World;
use crate::virtio::request::{self, OK, Work};
use crate::virtio::standing::{Served, Waiting};

impl Block<'_> {
    /// Whether requests are served by the stand-in.
    pub(super) fn stands_in(&self) -> bool {
        let standing = self.standing.as_ref();
        standing.is_some_and(|standing| standing.serves(self.link.is_away()))
    }

    /// What a disk with a stand-in does before it takes requests. Returns whether anything was submitted.
    pub(super) fn settle(&mut self, world: &mut World<'_>) -> bool {
        if self.standing.is_none() {
            return false;
        }
        if self.link.is_away() {
            self.take_back(world);
            return false;
        }
        self.settle_log(world)
    }

    /// Serves what the old generation was asked for and has not answered. It is not before its device is at rest that the guest may be
    /// told of an end: until then the device may still read and write the request's memory.
    #[cold]
    fn take_back(&mut self, world: &mut World<'_>) {
        let (mut answered, now) = (false, world.platform.now());
        while self.link.is_denied()
            && let Some(standing) = &mut self.standing
            && standing.has_room()
            && let Some(token) = self.link.client().withdraw(|_| true)
        {
            let slot = token.slot();
            standing.withdrawn(slot);
            let owed = self.in_flight.get(slot).copied();
            let request = self.link.client().request(slot);
            let (Some(owed), Some(request)) = (owed, request) else {
                continue;
            };
            if owed.life != self.life {
                self.stale = self.stale.saturating_sub(1);
                continue;
            }
            self.request.copy_from(request);
            let waiting = Waiting {
                head: owed.head,
                since: owed.since,
            };
            if self.serve_away(world, waiting, now) == Served::Yes {
                self.answer(world, owed.head, owed.status, OK, owed.written);
                answered = true;
            }
        }
        if answered {
            self.signal(world);
        }
    }

    /// Gives the driver what was logged while it was away, and then what has waited. Returns whether anything was submitted.
    #[cold]
    fn settle_log(&mut self, world: &mut World<'_>) -> bool {
        let Some(standing) = &mut self.standing else {
            return false;
        };
        if self.link.client().has_failed() {
            standing.give_up();
        }
        let mut submitted = standing.replay(self.link.client());
        while self.link.owed() < SLOTS
            && let Some(standing) = &mut self.standing
            && let Some(waiting) = standing.next_waiting()
        {
            let queue = self.transport.queue(0);
            let read = queue.map(|queue| queue.read(world.ram, waiting.head, &mut self.chain));
            match read {
                Some(Ok(())) => {}
                Some(Err(_)) => return self.broken(submitted),
                None => break,
            }
            match self.pass_on(world, waiting.since) {
                Some(passed_on) => submitted |= passed_on,
                None => return self.broken(submitted),
            }
        }
        submitted
    }

    /// Serves the chain while the driver is away, or has it wait. `None` if it has no place for an answer.
    #[cold]
    pub(super) fn stand_in(&mut self, world: &mut World<'_>, since: u64) -> Option<()> {
        let (chain, request) = (&mut self.chain, &mut self.request);
        let parsed = request::parse(chain, world.ram, &self.ability, request)?;
        let head = self.chain.head;
        let (status, written) = match parsed.work {
            Work::Submit { written } => {
                match self.serve_away(world, Waiting { head, since }, since) {
                    Served::Yes => (OK, written),
                    Served::Later => return Some(()),
                }
            }
            Work::Answer { status, written } => (status, written),
        };
        self.answer(world, head, parsed.status, status, written);
        Some(())
    }

    /// Serves the request, or has it wait. `from`: since when it could be served, in ticks of the physical counter.
    fn serve_away(&mut self, world: &mut World<'_>, waiting: Waiting, from: u64) -> Served {
        let logs = self.link.is_away() && !self.read_only && self.transport.features() & FLUSH != 0;
        let Some(standing) = &mut self.standing else {
            return Served::Later;
        };
        let served = standing.serve(&self.request, waiting, logs, world.ram);
        if served == Served::Yes {
            standing.took(world.platform.now().saturating_sub(from));
        }
        served
    }

    /// Whether the request is a flush, and something that it is for was lost.
    pub(super) fn has_lost(&mut self) -> bool {
        match &mut self.standing {
            Some(standing) if self.request.op == Op::Flush => standing.take_loss(),
            _ => false,
        }
    }
}
