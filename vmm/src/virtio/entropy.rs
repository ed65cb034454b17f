// SPDX-License-Identifier: BSD-2-Clause
//! The guest's source of entropy: a virtio entropy device (virtio 1.2, 5.4) that submits requests to the driver's queue.
//!
//! In each chain the first buffer is filled, or its beginning: the device "may use less than the entire buffer" (5.4.6.2).
//! The machine's device writes the bytes directly to the guest's memory. The guest gets the count that the driver reports;
//! the queue has checked that it is not more than was requested.
//!
//! While the queue is closed (technique `hold`), requests stay in the guest's virtqueue. Submitted requests stay in the
//! client's private record until they are completed, whatever happens to the driver. When there will be no driver any more,
//! the guest is told that the device has failed (it needs a reset), because the protocol has no error answer.

use core::sync::atomic::AtomicU64;

use molt_entropy_queue::{Answer, MAX, Request};

use crate::bus::{Device, World};
use crate::ram::Ram;
use crate::syndrome::Width;
use crate::virtio::link::Link;
use crate::virtio::mmio::{self, Effect, Transport};
use crate::virtio::queue::Chain;

const ENTROPY_DEVICE: u32 = 4;
const REQUESTS: usize = 0;
/// Slots of the queue to the driver.
const SLOTS: usize = molt_queue::layout::SLOTS;

/// What is kept about a request that the driver owes.
#[derive(Clone, Copy, Debug, Default)]
struct InFlight {
    head: u16,
    /// The device's life that it belongs to; answers for an earlier life are dropped.
    life: u32,
    since: u64,
}

/// A virtio entropy device.
pub struct Entropy<'a> {
    transport: Transport<'a, 1>,
    link: Link<'a, Request>,
    /// By the queue's slot.
    in_flight: [InFlight; SLOTS],
    /// How many of those that the driver owes belong to an earlier life.
    stale: usize,
    life: u32,
    chain: Chain,
}

impl<'a> Entropy<'a> {
    /// A source of entropy over this link. `page`: see [`Transport::new`].
    #[must_use]
    pub fn new(link: Link<'a, Request>, page: &'a [AtomicU64]) -> Self {
        Self {
            transport: Transport::new(ENTROPY_DEVICE, page),
            link,
            in_flight: [InFlight::default(); SLOTS],
            stale: 0,
            life: 0,
            chain: Chain::default(),
        }
    }

    /// The device was reset.
    fn begin_life(&mut self) {
        self.life = self.life.wrapping_add(1);
        self.stale = self.link.owed();
    }

    /// Passes the guest's requests on, while there is room. `None`: the guest has broken the rules.
    fn take(&mut self, world: &mut World<'_>) -> Option<()> {
        let ram = world.ram;
        while self.link.takes() && !self.is_busy() && self.link.owed() < SLOTS {
            let Some(queue) = self.transport.queue(REQUESTS) else {
                break;
            };
            if !queue.pop(ram, &mut self.chain).ok()? {
                match queue.enable_notification(ram).ok()? {
                    true => continue,
                    false => break,
                }
            }
            let request = request(&self.chain, ram)?;
            let token = self.link.client().submit(&request).ok()?;
            *self.in_flight.get_mut(token.slot())? = InFlight {
                head: self.chain.head,
                life: self.life,
                since: world.platform.now(),
            };
        }
        self.link.tell(world);
        Some(())
    }

    /// Takes the driver's answers, all that there are. `None`: one says that there is no driver any more.
    fn complete(&mut self, world: &mut World<'_>) -> Option<()> {
        let mut served = Some(());
        while let Some((token, answer)) = self.link.next_answer() {
            let Some(request) = self.in_flight.get(token.slot()).copied() else {
                continue;
            };
            if request.life != self.life {
                self.stale = self.stale.saturating_sub(1);
                continue;
            }
            world.counters.requests += 1;
            let latency = world.platform.now().saturating_sub(request.since);
            world.counters.max_latency = world.counters.max_latency.max(latency);
            let Answer::Filled(written) = answer else {
                world.counters.errors += 1;
                served = None;
                continue;
            };
            // A device that needs a reset has no queue.
            let queue = self.transport.queue(REQUESTS);
            if queue.is_some_and(|queue| queue.push(world.ram, request.head, written).is_err()) {
                self.transport.needs_reset();
            }
        }
        let queue = self.transport.queue(REQUESTS);
        if queue.map_or(Ok(false), |queue| queue.wants_interrupt(world.ram)) == Ok(true) {
            self.transport.signal();
        }
        served
    }
}

impl Device for Entropy<'_> {
    fn size(&self) -> u64 {
        mmio::SIZE
    }

    fn read(&mut self, offset: u64, width: Width) -> u64 {
        self.transport.read(offset, width)
    }

    fn ignores_value(&self, offset: u64) -> bool {
        self.transport.ignores_value(offset)
    }

    fn write(&mut self, offset: u64, width: Width, value: u64, world: &mut World<'_>) {
        match self.transport.write(offset, width, value, world.ram) {
            Effect::Nothing => {}
            Effect::Notify => self.poll(world),
            Effect::Reset => self.begin_life(),
        }
    }

    fn interrupt(&self) -> bool {
        self.transport.interrupt()
    }

    fn pauses(&mut self) -> bool {
        self.link.pauses()
    }

    fn poll(&mut self, world: &mut World<'_>) {
        // What the old generation completed before it was stopped is taken now: the region is still there until the
        // change of the gate is acknowledged.
        let old = self.complete(world);
        self.link.follow(world);
        let taken = self.take(world);
        let new = self.complete(world);
        if old.and(taken).and(new).is_none() {
            self.transport.needs_reset();
        }
        self.link.account(self.link.owed(), world);
    }

    /// Requests of an earlier life are in flight: the driver's device may still write the guest's memory for them, so that the
    /// reset is not over.
    fn is_busy(&self) -> bool {
        self.stale > 0
    }

    fn reset(&mut self, _: &mut World<'_>) {
        self.transport.reset();
        self.begin_life();
    }
}

/// What a chain asks for. `None`: a buffer that is to be read (5.4.6.1 forbids it), none to be written, or one outside the
/// memory.
fn request(chain: &Chain, ram: &Ram) -> Option<Request> {
    let first = chain.buffers.iter().find(|buffer| buffer.length > 0)?;
    let offset = ram.offset(first.address, first.length.into())?;
    (chain.readable == 0).then_some(Request {
        offset,
        len: first.length.min(MAX),
    })
}
