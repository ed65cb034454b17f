// SPDX-License-Identifier: BSD-2-Clause
//! A device's connection to its replaceable driver: the queue, and the gate that says when the queue may be touched.

use molt_gate::{Account, Change, ClientGate};
use molt_queue::{Client, Payload, Token};

use crate::bus::World;

/// The link of one device. Submitted requests stay in the client's private record until they are completed, whatever happens
/// to the driver.
pub struct Link<'a, P: Payload> {
    client: Client<'a, P>,
    gate: ClientGate<'a>,
    /// The number by which the platform knows the driver.
    driver: usize,
    violations: u64,
    /// What `update` was told last.
    told: Account,
    /// There was a driver.
    served: bool,
    /// The technique is `pause`.
    pauses: bool,
}

impl<'a, P: Payload> Link<'a, P> {
    /// A closed link. `driver`: what [`crate::Platform::notify_driver`] is told.
    pub fn new(client: Client<'a, P>, gate: ClientGate<'a>, driver: usize) -> Self {
        Self {
            client,
            gate,
            driver,
            violations: 0,
            told: Account::default(),
            served: false,
            pauses: false,
        }
    }

    /// With the technique `pause`, if `pauses`.
    #[must_use]
    pub const fn pausing(mut self, pauses: bool) -> Self {
        self.pauses = pauses;
        self
    }

    /// Whether the guest has to stand still because the driver is away. Before there was one, it does not.
    pub fn pauses(&self) -> bool {
        self.pauses && self.is_away()
    }

    /// Whether the driver, which was there, is away, and will be back.
    pub fn is_away(&self) -> bool {
        self.served && !self.takes()
    }

    /// Whether the driver is away and its device at rest, so that what is owed will not be carried out before there is another one.
    pub fn is_denied(&self) -> bool {
        self.gate.is_denied()
    }

    /// The queue.
    pub fn client(&mut self) -> &mut Client<'a, P> {
        &mut self.client
    }

    /// How many requests the driver owes.
    pub fn owed(&self) -> usize {
        self.client.owed()
    }

    /// Tells `update` how the driver serves this device, which waits for `owed` requests, and counts what broke the protocol.
    pub fn account(&mut self, owed: usize, world: &mut World<'_>) {
        let account = Account {
            violations: self.violations,
            owed: owed as u16,
        };
        if account == self.told {
            return;
        }
        world.counters.violations += account.violations - self.told.violations;
        self.gate.account(account);
        self.told = account;
    }

    /// Whether requests are taken: because there is a driver, or because there will be none and they are answered with errors.
    pub fn takes(&self) -> bool {
        self.client.is_open() || self.client.has_failed()
    }

    /// The next answer. A violation is counted; the queue is closed then until the next generation.
    pub fn next_answer(&mut self) -> Option<(Token, P::Answer)> {
        match self.client.poll()? {
            Ok(answer) => Some(answer),
            Err(_) => {
                self.violations += 1;
                None
            }
        }
    }

    /// Follows the gate's changes. Take the old generation's completions before. Returns whether anything has changed.
    pub fn follow(&mut self, world: &mut World<'_>) -> bool {
        self.follow_with(world, |_| ())
    }

    /// The same; `closed` is called with the closed queue whenever a generation has ended, before the next one sees the queue.
    pub fn follow_with(
        &mut self,
        world: &mut World<'_>,
        mut closed: impl FnMut(&mut Client<'a, P>),
    ) -> bool {
        let mut changed = false;
        while let Some(change) = self.gate.change() {
            changed = true;
            match change {
                Change::Close(_) => {
                    self.client.close();
                    closed(&mut self.client);
                }
                Change::OutOfService(_) => self.client.fail(),
                Change::Open(_, generation) => {
                    // Between two openings there was a close that this client did not see; it ended a generation too.
                    self.client.close();
                    closed(&mut self.client);
                    self.client.resume(generation);
                    self.served = true;
                    world.platform.notify_driver(self.driver);
                }
            }
            self.gate.acknowledge(change);
            world.platform.notify_update();
        }
        changed
    }

    /// Tells the driver of what was submitted, if it wants to be told.
    pub fn tell(&mut self, world: &mut World<'_>) {
        if self.client.must_notify() {
            world.platform.notify_driver(self.driver);
        }
    }
}
