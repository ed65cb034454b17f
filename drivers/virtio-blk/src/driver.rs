// SPDX-License-Identifier: BSD-2-Clause
//! The driver: clients' requests to the device, the device's answers to the clients.

use heapless::Vec;
use molt_queue::{Properties, SlotId, Status};

use crate::bounds::Rejected;
use crate::client::{Client, ClientId};
use crate::config::Config;
use crate::error::Error;
use crate::registers::{
    self, Features, INTERRUPT_ACK, INTERRUPT_STATUS, QUEUE_NOTIFY, Registers, STATUS,
};
use crate::ring::{Answer, ENTRIES, Queue, Ring};
use crate::transport;

/// Most clients of one driver.
pub const CLIENTS: usize = 8;

/// What one call has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Clients with completions to be looked at, one bit each: to be notified.
    pub notify: u32,
    /// Requests given to the device.
    pub submitted: u32,
    /// Requests completed, those with an error included.
    pub completed: u32,
    /// Of them, those with an error.
    pub errors: u32,
}

impl Progress {
    fn add(&mut self, client: ClientId, status: Status) {
        self.notify |= 1 << client.0;
        self.completed += 1;
        self.errors += u32::from(status != Status::Ok);
    }
}

/// A request that is with the device.
#[derive(Debug)]
struct InFlight {
    client: ClientId,
    slot: SlotId,
}

/// The driver of one virtio-blk device. About 12 KiB.
#[derive(Debug)]
pub struct Driver<'a, R> {
    registers: R,
    features: Features,
    config: Config,
    queue: Queue<'a>,
    clients: Vec<Client<'a>, CLIENTS>,
    in_flight: [Option<InFlight>; ENTRIES],
    /// Whose turn it is to be asked first.
    turn: usize,
    /// At most so many requests before the device is told.
    batch: u32,
    taking: bool,
}

impl<'a, R: Registers> Driver<'a, R> {
    /// Starts the device from reset, with the queue in `ring`, whose contents do not matter. The device is told of new
    /// requests after at most `batch` of them.
    ///
    /// # Errors
    /// Whatever the device or the memory is not ([`Error`]).
    pub fn start(registers: R, ring: Ring<'a>, batch: u32) -> Result<Self, Error> {
        let (features, config) = transport::negotiate(&registers)?;
        let segments = molt_queue::SEGMENTS as u32;
        if config.seg_max < segments {
            return Err(Error::Segments(config.seg_max));
        }
        let max = transport::queue_size(&registers)?;
        let queue = Queue::new(ring, max, features.contains(Features::INDIRECT))?;
        transport::go(&registers, queue.size().into(), &queue.addresses())?;
        Ok(Self {
            registers,
            features,
            config,
            queue,
            clients: Vec::new(),
            in_flight: [const { None }; ENTRIES],
            turn: 0,
            batch: batch.max(1),
            taking: true,
        })
    }

    /// Adds a client, and tells it what the disk can do.
    ///
    /// # Errors
    /// [`Error::Share`], [`Error::Clients`].
    pub fn attach(&mut self, mut client: Client<'a>) -> Result<ClientId, Error> {
        if !client.share().fits(self.config.capacity) {
            return Err(Error::Share);
        }
        let id = ClientId(self.clients.len() as u8);
        client.queue().publish(&self.properties());
        self.clients.push(client).map_err(|_| Error::Clients)?;
        Ok(id)
    }

    /// The device's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was agreed with the device.
    pub fn features(&self) -> Features {
        self.features
    }

    /// The clients, in the order of [`Self::attach`].
    pub fn clients(&self) -> &[Client<'a>] {
        &self.clients
    }

    /// How many requests are with the device.
    pub fn in_flight(&self) -> usize {
        self.queue.with_device()
    }

    /// Whether requests are taken. Where they are not, what is with the device is still completed; a flush
    /// that waits for others is left owed.
    pub fn set_taking(&mut self, taking: bool) {
        self.taking = taking;
    }

    /// Gives the device what the clients ask for: one request of each in turn, as long as there is
    /// room. A request that cannot be run is answered at once.
    pub fn pump(&mut self) -> Progress {
        let mut progress = Progress::default();
        let mut untold = 0;
        let mut idle = 0;
        while self.taking && idle < self.clients.len() && self.queue.has_room() {
            let id = ClientId(self.turn as u8);
            self.turn = (self.turn + 1) % self.clients.len();
            match self.run_one(id, &mut progress) {
                None => idle += 1,
                Some(submitted) => {
                    idle = 0;
                    untold += u32::from(submitted);
                }
            }
            if untold == self.batch {
                self.tell();
                untold = 0;
            }
        }
        if untold > 0 {
            self.tell();
        }
        progress
    }

    /// Reads and acknowledges the device's interrupt status, and completes what the device has done.
    /// To be called once before the interrupt is acknowledged at the kernel and once after:
    /// the line is edge-triggered, and rises again only after the status has been 0.
    ///
    /// # Errors
    /// Any error is the device's, and the end.
    pub fn interrupt(&mut self) -> Result<Progress, Error> {
        let pending = self.registers.read(INTERRUPT_STATUS);
        if pending != 0 {
            self.registers.write(INTERRUPT_ACK, pending);
        }
        // Bit 1: the configuration changed, which is also how a failure is told (2.1.2).
        if pending & 2 != 0 && self.registers.read(STATUS) & registers::status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        let mut progress = Progress::default();
        while let Some((request, answer)) = self.queue.next_used()? {
            let entry = self.in_flight.get_mut(request).and_then(Option::take);
            let InFlight { client, slot } = entry.ok_or(Error::UsedId(request as u32))?;
            let status = match answer {
                Answer::Ok => Status::Ok,
                Answer::IoError => Status::IoError,
                Answer::Unsupported => Status::Unsupported,
            };
            if let Some(state) = self.clients.get_mut(usize::from(client.0)) {
                state.answered();
                self.complete(client, slot, status, &mut progress);
            }
        }
        Ok(progress)
    }

    /// Resets the device: it touches no memory any more.
    ///
    /// # Errors
    /// [`Error::Reset`].
    pub fn stop(&mut self) -> Result<(), Error> {
        self.taking = false;
        transport::reset(&self.registers)
    }

    fn properties(&self) -> Properties {
        Properties {
            read_only: self.features.contains(Features::RO),
            flush: self.features.contains(Features::FLUSH),
            max_discard_sectors: self.config.max_discard_sectors,
            max_write_zeroes_sectors: self.config.max_write_zeroes_sectors,
            block_size: self.config.block_size,
        }
    }

    /// Runs one request of the client, if it has one: whether it went to the device.
    fn run_one(&mut self, id: ClientId, progress: &mut Progress) -> Option<bool> {
        let client = self.clients.get_mut(usize::from(id.0))?;
        let (slot, request) = client.next()?;
        let command = client
            .share()
            .translate(&request, &self.config, self.features);
        let status = match command {
            Ok(command) => match self.queue.add(&command) {
                Some(number) => {
                    client.submitted(command.op);
                    self.in_flight[number] = Some(InFlight { client: id, slot });
                    progress.submitted += 1;
                    return Some(true);
                }
                // Not reached: there was room.
                None => Status::IoError,
            },
            Err(Rejected::Nothing) => Status::Ok,
            Err(Rejected::Bounds) => Status::IoError,
            Err(Rejected::Unsupported) => Status::Unsupported,
        };
        self.complete(id, slot, status, progress);
        Some(false)
    }

    fn complete(&mut self, id: ClientId, slot: SlotId, status: Status, progress: &mut Progress) {
        if let Some(client) = self.clients.get_mut(usize::from(id.0)) {
            // Each slot comes from this client's own queue.
            if client.queue().complete(slot, status).is_ok() {
                progress.add(id, status);
            }
        }
    }

    fn tell(&mut self) {
        self.queue.publish();
        self.registers.write(QUEUE_NOTIFY, 0);
    }
}
