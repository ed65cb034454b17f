// SPDX-License-Identifier: BSD-2-Clause
//! The guest's disk: a virtio block device (virtio 1.2, 5.2) whose requests go into the queue to the driver.
//!
//! While the queue is closed (technique `hold`) requests stay in the guest's virtqueue. What was submitted stays in
//! the client's private record until it is completed, whatever becomes of the driver.

use molt_queue::{Client, Properties, Status, Violation};

use crate::ram::Ram;
use crate::syndrome::Width;
use crate::virtio::mmio::{CONFIGURATION, Effect, Transport};
use crate::virtio::queue::Chain;
use crate::virtio::request::{self, Ability, IO_ERROR, OK, SEGMENTS, UNSUPPORTED, Work};

const BLOCK_DEVICE: u32 = 2;
const SEG_MAX: u64 = 1 << 2;
const BLK_SIZE: u64 = 1 << 6;
const FLUSH: u64 = 1 << 9;
const DISCARD: u64 = 1 << 13;
const WRITE_ZEROES: u64 = 1 << 14;
const READ_ONLY: u64 = 1 << 5;
/// Slots of the queue to the driver.
const SLOTS: usize = 64;

/// A request that the driver owes.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    head: u16,
    status: u64,
    written: u32,
    /// The device's life that it belongs to; answers for an earlier life are dropped.
    life: u32,
    since: u64,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests answered towards the guest.
    pub requests: u64,
    /// Of them, those with another status than OK that the driver gave.
    pub errors: u64,
    /// Longest time from a request's arrival to its answer, in ticks of the physical counter.
    pub max_latency: u64,
    /// Completions that broke the queue's protocol.
    pub violations: u64,
}

/// A virtio block device.
pub struct Block<'a> {
    transport: Transport,
    client: Client<'a>,
    ability: Ability,
    in_flight: [Option<InFlight>; SLOTS],
    life: u32,
    /// When the guest notified while nothing could be taken.
    held_since: Option<u64>,
    counters: Counters,
}

impl<'a> Block<'a> {
    /// A disk of `sectors` sectors over a closed queue. What else it can do is said by [`Self::set_properties`].
    #[must_use]
    pub const fn new(client: Client<'a>, sectors: u64) -> Self {
        let ability = Ability {
            sectors,
            flush: false,
            discard: false,
            write_zeroes: false,
        };
        Self {
            transport: Transport::new(BLOCK_DEVICE, 0, [0; CONFIGURATION]),
            client,
            ability,
            in_flight: [None; SLOTS],
            life: 0,
            held_since: None,
            counters: Counters {
                requests: 0,
                errors: 0,
                max_latency: 0,
                violations: 0,
            },
        }
    }

    /// Offers the guest what the driver's device can do. For use before the guest starts: resets the transport.
    pub fn set_properties(&mut self, properties: &Properties) {
        self.ability = Ability {
            sectors: self.ability.sectors,
            flush: properties.flush,
            discard: properties.max_discard_sectors > 0,
            write_zeroes: properties.max_write_zeroes_sectors > 0,
        };
        let feature = |there: bool, bit| if there { bit } else { 0 };
        let features = SEG_MAX
            | BLK_SIZE
            | feature(self.ability.flush, FLUSH)
            | feature(self.ability.discard, DISCARD)
            | feature(self.ability.write_zeroes, WRITE_ZEROES)
            | feature(properties.read_only, READ_ONLY);
        let configuration = configuration(self.ability.sectors, properties);
        self.transport = Transport::new(BLOCK_DEVICE, features, configuration);
    }

    /// The queue to the driver, to open, close and ask it.
    pub fn client(&mut self) -> &mut Client<'a> {
        &mut self.client
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How many requests the driver owes.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.in_flight.iter().flatten().count()
    }

    /// Level of the interrupt.
    #[must_use]
    pub fn interrupt(&self) -> bool {
        self.transport.interrupt()
    }

    /// Whether requests of an earlier life are in flight: the device may still write the guest's memory for them, so
    /// that the reset is not over.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.in_flight
            .iter()
            .flatten()
            .any(|request| request.life != self.life)
    }

    /// Reads a register.
    #[must_use]
    pub fn read(&self, offset: u64, width: Width) -> u64 {
        self.transport.read(offset, width)
    }

    /// Writes a register. `now`: the physical counter. Returns whether there may be chains to serve.
    pub fn write(&mut self, offset: u64, width: Width, value: u64, ram: &Ram, now: u64) -> bool {
        match self.transport.write(offset, width, value, ram) {
            Effect::Nothing => false,
            Effect::Notify => {
                if !self.client.is_open() && self.held_since.is_none() {
                    self.held_since = Some(now);
                }
                true
            }
            Effect::Reset => {
                self.life = self.life.wrapping_add(1);
                self.held_since = None;
                false
            }
        }
    }

    /// Takes chains from the guest's queue while there is room. Returns whether the driver is to be notified. Where there
    /// will be no driver any more, all are answered at once.
    pub fn serve(&mut self, ram: &Ram, now: u64) -> bool {
        let mut submitted = self.take(ram, now);
        while submitted && self.client.has_failed() {
            // A failure is no completion that could break the protocol.
            let _ = self.complete(ram, now);
            submitted = self.take(ram, now);
        }
        submitted
    }

    fn take(&mut self, ram: &Ram, now: u64) -> bool {
        let served = self.client.is_open() || self.client.has_failed();
        if !served || self.is_draining() {
            return false;
        }
        let since = self.held_since.take().unwrap_or(now);
        let mut submitted = false;
        while self.client.owed() < SLOTS {
            let Some(queue) = self.transport.queue() else {
                break;
            };
            let chain = match queue.pop(ram) {
                Ok(None) => match queue.enable_notification(ram) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(_) => return self.broken(submitted),
                },
                Ok(Some(chain)) => chain,
                Err(_) => return self.broken(submitted),
            };
            match self.begin(&chain, ram, since) {
                Some(passed_on) => submitted |= passed_on,
                None => return self.broken(submitted),
            }
        }
        self.signal(ram);
        submitted
    }

    /// Takes the driver's completions.
    ///
    /// # Errors
    /// The driver broke the queue's protocol; the queue is closed until the next generation.
    pub fn complete(&mut self, ram: &Ram, now: u64) -> Result<(), Violation> {
        let mut result = Ok(());
        while let Some(completion) = self.client.poll() {
            let (token, status) = match completion {
                Ok(completion) => completion,
                Err(violation) => {
                    self.counters.violations += 1;
                    result = Err(violation);
                    break;
                }
            };
            let place = self.in_flight.get_mut(token.slot());
            let Some(request) = place.and_then(Option::take) else {
                continue;
            };
            if request.life == self.life {
                let latency = now.saturating_sub(request.since);
                self.counters.max_latency = self.counters.max_latency.max(latency);
                self.counters.errors += u64::from(status != Status::Ok);
                let (status, written) = match status {
                    Status::Ok => (OK, request.written),
                    Status::IoError => (IO_ERROR, 0),
                    Status::Unsupported => (UNSUPPORTED, 0),
                };
                self.answer(ram, request.head, request.status, status, written);
            }
        }
        self.signal(ram);
        result
    }

    /// Passes a chain on (`Some(true)`) or answers it. `None` if it has no place for an answer.
    fn begin(&mut self, chain: &Chain, ram: &Ram, since: u64) -> Option<bool> {
        let parsed = request::parse(chain, ram, &self.ability)?;
        let (status, written) = match parsed.work {
            Work::Answer { status, written } => (status, written),
            Work::Submit { request, written } => match self.client.submit(&request) {
                Ok(token) => {
                    let (head, life) = (chain.head, self.life);
                    let request = InFlight {
                        head,
                        status: parsed.status,
                        written,
                        life,
                        since,
                    };
                    if let Some(place) = self.in_flight.get_mut(token.slot()) {
                        *place = Some(request);
                    }
                    return Some(true);
                }
                Err(_) => (IO_ERROR, 0),
            },
        };
        self.answer(ram, chain.head, parsed.status, status, written);
        Some(false)
    }

    fn answer(&mut self, ram: &Ram, head: u16, place: u64, status: u8, written: u32) {
        self.counters.requests += 1;
        let stored = ram.store_u8(place, status).is_some();
        let pushed = self
            .transport
            .queue()
            .is_none_or(|queue| queue.push(ram, head, written + 1).is_ok());
        if !(stored && pushed) {
            self.transport.needs_reset();
        }
    }

    fn broken(&mut self, submitted: bool) -> bool {
        self.transport.needs_reset();
        submitted
    }

    fn signal(&mut self, ram: &Ram) {
        match self
            .transport
            .queue()
            .map(|queue| queue.wants_interrupt(ram))
        {
            Some(Ok(true)) => self.transport.signal(),
            Some(Err(_)) => self.transport.needs_reset(),
            Some(Ok(false)) | None => {}
        }
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
    let fields: [(usize, u64, usize); 9] = [
        (0, sectors, 8),
        (12, SEGMENTS as u64, 4),
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
