// SPDX-License-Identifier: BSD-2-Clause
//! The guest's disk: a virtio block device (virtio 1.2, 5.2) that submits requests to the driver's queue.
//!
//! While that queue is closed (technique `hold`), requests stay in the guest's virtqueue. Submitted requests stay in
//! the client's private record until they are completed, whatever happens to the driver. With the technique `stand-in`
//! requests are served meanwhile ([`Standing`]).

mod stand_in;

use core::fmt;
use core::sync::atomic::AtomicU64;

use molt_block_queue::{Properties, Request, SEGMENTS, Status};

use crate::bus::{Device, World};
use crate::syndrome::Width;
use crate::virtio::link::Link;
use crate::virtio::mmio::{self, CONFIGURATION, Effect, Transport};
use crate::virtio::queue::{BUFFERS, Chain};
use crate::virtio::request::{self, Ability, IO_ERROR, OK, UNSUPPORTED, Work};
use crate::virtio::standing::Standing;
use crate::virtio::usage::Usage;

const BLOCK_DEVICE: u32 = 2;
const SEG_MAX: u64 = 1 << 2;
const READ_ONLY: u64 = 1 << 5;
const BLK_SIZE: u64 = 1 << 6;
const FLUSH: u64 = 1 << 9;
const DISCARD: u64 = 1 << 13;
const WRITE_ZEROES: u64 = 1 << 14;
/// Slots of the queue to the driver.
const SLOTS: usize = molt_queue::layout::SLOTS;
// A header and a status beside the segments that the guest is offered.
const _: () = assert!(SEGMENTS + 2 <= BUFFERS);

/// What is kept about a request that the driver owes.
#[derive(Clone, Copy, Debug, Default)]
struct InFlight {
    head: u16,
    status: u64,
    written: u32,
    /// The device's life (from one reset to the next) that it belongs to; answers for an earlier life are dropped.
    life: u32,
    since: u64,
}

/// A virtio block device.
pub struct Block<'a> {
    transport: Transport<'a, 1>,
    link: Link<'a, Request>,
    ability: Ability,
    read_only: bool,
    /// By the queue's slot.
    in_flight: [InFlight; SLOTS],
    /// How many of those that the driver owes belong to an earlier life.
    stale: usize,
    life: u32,
    /// When the guest notified the device while no request could be taken.
    held_since: Option<u64>,
    /// The chain and the request that are being parsed. They are large, so they are filled in place.
    chain: Chain,
    request: Request,
    /// With the technique `stand-in`.
    standing: Option<Standing<'a>>,
    /// With the technique `unplug`.
    usage: Option<Usage<'a>>,
}

impl<'a> Block<'a> {
    /// A disk of `sectors` sectors. Its driver publishes its other properties. `page`: see [`Transport::new`].
    #[must_use]
    pub fn new(link: Link<'a, Request>, sectors: u64, page: &'a [AtomicU64]) -> Self {
        Self {
            transport: Transport::new(BLOCK_DEVICE, page),
            link,
            ability: Ability {
                sectors,
                ..Ability::default()
            },
            read_only: false,
            in_flight: [InFlight::default(); SLOTS],
            stale: 0,
            life: 0,
            held_since: None,
            chain: Chain::default(),
            request: Request::default(),
            standing: None,
            usage: None,
        }
    }

    /// With the technique `stand-in`.
    pub fn set_stand_in(&mut self, standing: Standing<'a>) {
        self.standing = Some(standing);
    }

    /// With the technique `unplug`.
    pub fn set_usage(&mut self, usage: Usage<'a>) {
        self.usage = Some(usage);
    }

    /// Offers the guest what the driver's device can do. For use before the guest starts: resets the transport.
    fn set_properties(&mut self, properties: &Properties) {
        self.ability = Ability {
            sectors: self.ability.sectors,
            flush: properties.flush,
            discard: properties.max_discard_sectors > 0,
            write_zeroes: properties.max_write_zeroes_sectors > 0,
        };
        self.read_only = properties.read_only;
        let feature = |there: bool, bit| if there { bit } else { 0 };
        let features = SEG_MAX
            | BLK_SIZE
            | feature(self.ability.flush, FLUSH)
            | feature(self.ability.discard, DISCARD)
            | feature(self.ability.write_zeroes, WRITE_ZEROES)
            | feature(properties.read_only, READ_ONLY);
        let configuration = configuration(self.ability.sectors, properties);
        self.transport.offer(features, configuration);
    }

    /// Takes chains from the guest's queue while there is room. If there will be no driver any more, all are answered with
    /// errors at once.
    fn serve(&mut self, world: &mut World<'_>) {
        let mut submitted = self.settle(world);
        submitted |= self.take(world);
        while submitted && self.link.client().has_failed() {
            self.complete(world);
            submitted = self.settle(world);
            submitted |= self.take(world);
        }
        if submitted {
            self.link.tell(world);
        }
    }

    /// Returns whether anything was submitted.
    fn take(&mut self, world: &mut World<'_>) -> bool {
        if !(self.link.takes() || self.stands_in()) || self.is_busy() {
            return false;
        }
        let ram = world.ram;
        let mut since = None;
        let mut submitted = false;
        while self.has_room() {
            let Some(queue) = self.transport.queue(0) else {
                break;
            };
            match queue.pop(ram, &mut self.chain) {
                Ok(true) => {}
                Ok(false) => match queue.enable_notification(ram) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(_) => return self.broken(submitted),
                },
                Err(_) => return self.broken(submitted),
            }
            let since = *since.get_or_insert_with(|| {
                let held = self.held_since.take();
                held.unwrap_or_else(|| world.platform.now())
            });
            match self.begin(world, since) {
                Some(passed_on) => submitted |= passed_on,
                None => return self.broken(submitted),
            }
        }
        self.held_since = None;
        self.signal(world);
        submitted
    }

    /// Takes the driver's completions.
    fn complete(&mut self, world: &mut World<'_>) {
        let mut now = None;
        while let Some((token, status)) = self.link.next_answer() {
            let Some(request) = self.in_flight.get(token.slot()).copied() else {
                continue;
            };
            if let Some(standing) = &mut self.standing
                && standing.answered(
                    token.slot(),
                    status,
                    self.link.client().request(token.slot()),
                    world.ram,
                )
            {
                world.counters.errors += u64::from(status != Status::Ok);
                continue;
            }
            if request.life != self.life {
                self.stale = self.stale.saturating_sub(1);
                continue;
            }
            let now = *now.get_or_insert_with(|| world.platform.now());
            let latency = now.saturating_sub(request.since);
            world.counters.max_latency = world.counters.max_latency.max(latency);
            world.counters.errors += u64::from(status != Status::Ok);
            let (status, written) = match status {
                Status::Ok => (OK, request.written),
                Status::IoError => (IO_ERROR, 0),
                Status::Unsupported => (UNSUPPORTED, 0),
            };
            self.answer(world, request.head, request.status, status, written);
        }
        self.signal(world);
    }

    /// Whether one more request can be taken from the guest.
    fn has_room(&self) -> bool {
        match &self.standing {
            Some(standing) if self.stands_in() => standing.has_room(),
            _ => self.link.owed() < SLOTS,
        }
    }

    /// Passes the chain on (`Some(true)`), answers it, or has it wait for the driver. `None` if it has no place for an answer.
    fn begin(&mut self, world: &mut World<'_>, since: u64) -> Option<bool> {
        match self.stands_in() {
            true => self.stand_in(world, since).map(|()| false),
            false => self.pass_on(world, since),
        }
    }

    /// Passes the chain on (`Some(true)`) or answers it. `None` if it has no place for an answer.
    #[inline(always)]
    fn pass_on(&mut self, world: &mut World<'_>, since: u64) -> Option<bool> {
        let (chain, request) = (&mut self.chain, &mut self.request);
        let parsed = request::parse(chain, world.ram, &self.ability, request)?;
        let head = self.chain.head;
        let (status, written) = match parsed.work {
            Work::Answer { status, written } => (status, written),
            // It is told once that a record of the log was not written.
            Work::Submit { .. } if self.has_lost() => (IO_ERROR, 0),
            Work::Submit { written } => match self.link.client().submit(&self.request) {
                Ok(token) => {
                    if let Some(standing) = &mut self.standing {
                        standing.submitted(token.slot(), &self.request);
                    }
                    if let Some(place) = self.in_flight.get_mut(token.slot()) {
                        *place = InFlight {
                            head,
                            status: parsed.status,
                            written,
                            life: self.life,
                            since,
                        };
                    }
                    return Some(true);
                }
                Err(_) => (IO_ERROR, 0),
            },
        };
        self.answer(world, head, parsed.status, status, written);
        Some(false)
    }

    fn answer(&mut self, world: &mut World<'_>, head: u16, place: u64, status: u8, written: u32) {
        world.counters.requests += 1;
        let stored = world.ram.store_u8(place, status).is_some();
        let queue = self.transport.queue(0);
        let pushed = queue.is_none_or(|queue| queue.push(world.ram, head, written + 1).is_ok());
        if !(stored && pushed) {
            self.transport.needs_reset();
        }
    }

    /// The device was reset.
    fn begin_life(&mut self) {
        self.life = self.life.wrapping_add(1);
        self.stale = self.link.owed();
        if let Some(standing) = &mut self.standing {
            // Records of the log are not the guest's any more, and use none of its memory.
            self.stale = self.stale.saturating_sub(standing.records());
            standing.begin_life();
        }
        self.held_since = None;
    }

    /// Tells `update` whether the guest uses the disk, where it has to give it up before each update.
    #[cold]
    fn follow_use(&mut self, world: &mut World<'_>) {
        let live = self.transport.is_live();
        if self.usage.as_mut().is_some_and(|usage| usage.follow(live)) {
            world.platform.notify_update();
        }
    }

    fn broken(&mut self, submitted: bool) -> bool {
        self.transport.needs_reset();
        submitted
    }

    fn signal(&mut self, world: &World<'_>) {
        let queue = self.transport.queue(0);
        match queue.map(|queue| queue.wants_interrupt(world.ram)) {
            Some(Ok(true)) => self.transport.signal(),
            Some(Err(_)) => self.transport.needs_reset(),
            Some(Ok(false)) | None => {}
        }
    }
}

impl Device for Block<'_> {
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
            Effect::Notify => {
                if !self.link.client().is_open() && self.held_since.is_none() {
                    self.held_since = Some(world.platform.now());
                }
                self.poll(world);
            }
            Effect::Reset => self.begin_life(),
        }
        if self.usage.is_some() {
            self.follow_use(world);
        }
    }

    fn interrupt(&self) -> bool {
        self.transport.interrupt()
    }

    fn poll(&mut self, world: &mut World<'_>) {
        // Takes what the old generation completed before it was stopped. The region stays mapped until the change of the
        // gate is acknowledged.
        self.complete(world);
        let standing = &mut self.standing;
        let changed = self.link.follow_with(world, |client| {
            if let Some(standing) = standing {
                standing.withdraw(client);
            }
        });
        if changed {
            self.complete(world);
        }
        self.serve(world);
        self.link.account(self.link.owed(), world);
    }

    fn pauses(&mut self) -> bool {
        // Where the stand-in serves, the guest need not stand still.
        self.link.pauses() && self.standing.as_ref().is_none_or(Standing::waits)
    }

    fn is_ready(&mut self) -> bool {
        let properties = self.link.client().properties();
        if let Some(properties) = &properties {
            self.set_properties(properties);
        }
        properties.is_some() || self.link.client().has_failed()
    }

    /// Whether requests of an earlier life are in flight. The driver's device may still write the guest's memory for them, so the
    /// reset has not ended.
    fn is_busy(&self) -> bool {
        self.stale > 0
    }

    fn account(&self) -> Option<&dyn fmt::Display> {
        let stood = self.standing.as_ref()?.stood();
        Some(stood)
    }

    fn reset(&mut self, world: &mut World<'_>) {
        self.transport.reset();
        self.begin_life();
        self.follow_use(world);
    }
}

/// `struct virtio_blk_config` (5.2.4).
fn configuration(sectors: u64, properties: &Properties) -> [u8; CONFIGURATION] {
    let mut bytes = [0; CONFIGURATION];
    let block_size = if properties.block_size == 0 {
        512
    } else {
        properties.block_size
    };
    let segments = match properties.max_segments {
        0 => SEGMENTS as u32,
        most => most.min(SEGMENTS as u32),
    };
    let fields: [(usize, u64, usize); 9] = [
        (0, sectors, 8),
        (12, segments.into(), 4),
        (20, block_size.into(), 4),
        (36, properties.max_discard_sectors.into(), 4),
        (40, 1, 4),
        (44, u64::from(block_size) / 512, 4),
        (48, properties.max_write_zeroes_sectors.into(), 4),
        (52, 1, 4),
        (56, 1, 1),
    ];
    for (offset, value, length) in fields {
        for (byte, value) in bytes
            .iter_mut()
            .skip(offset)
            .zip(value.to_le_bytes())
            .take(length)
        {
            *byte = value;
        }
    }
    bytes
}
