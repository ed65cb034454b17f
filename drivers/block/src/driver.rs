// SPDX-License-Identifier: BSD-2-Clause
//! The driver: passes the clients' requests to the device, and the device's answers to the clients.

use heapless::Vec;
use molt_block_queue::{Request, SlotId, Status};

use molt_service::{Error, Progress, Service};

use crate::client::{Client, ClientId};
use crate::device::{Command, Device, REQUESTS};
use crate::share::Rejected;

/// Most clients of one driver.
pub const CLIENTS: usize = 8;

/// A request that is with the device.
#[derive(Debug)]
struct InFlight {
    client: ClientId,
    slot: SlotId,
}

/// The driver of one disk. It takes about 12 KiB and the device's part.
#[derive(Debug)]
pub struct Driver<'a, D> {
    device: D,
    clients: Vec<Client<'a>, CLIENTS>,
    in_flight: [Option<InFlight>; REQUESTS],
    /// The client that is asked first the next time.
    turn: usize,
    /// The most requests that are submitted before the device is notified.
    batch: u32,
    /// The device has started, and the clients know what it can do.
    ready: bool,
    taking: bool,
    /// The request that was taken last, and the command made of it. Both are large, so they are filled in place.
    request: Request,
    command: Command,
}

impl<'a, D: Device> Driver<'a, D> {
    /// A driver without clients. The device is notified after at most `batch` new requests.
    pub fn new(device: D, batch: u32) -> Self {
        Self {
            device,
            clients: Vec::new(),
            in_flight: [const { None }; REQUESTS],
            turn: 0,
            batch: batch.max(1),
            ready: false,
            taking: true,
            request: Request::default(),
            command: Command::default(),
        }
    }

    /// Adds a client; before [`Self::ready`].
    ///
    /// # Errors
    /// [`Error::Clients`].
    pub fn attach(&mut self, client: Client<'a>) -> Result<ClientId, Error<D::Error>> {
        let id = ClientId(self.clients.len() as u8);
        self.clients.push(client).map_err(|_| Error::Clients)?;
        Ok(id)
    }

    /// The device.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The clients, in the order of [`Self::attach`].
    pub fn clients(&self) -> &[Client<'a>] {
        &self.clients
    }

    /// Resets the device: it touches no memory any more.
    ///
    /// # Errors
    /// The device does not reset.
    pub fn stop(&mut self) -> Result<(), Error<D::Error>> {
        self.taking = false;
        Ok(self.device.stop()?)
    }

    /// Gives the device one request of each client in turn, as long as there is room. Returns whether no request is left.
    fn submit(&mut self, progress: &mut Progress) -> bool {
        let mut untold = 0;
        let mut idle = 0;
        let taking = self.ready && self.taking;
        while taking && idle < self.clients.len() && self.device.has_room() {
            let id = ClientId(self.turn as u8);
            self.turn = (self.turn + 1) % self.clients.len();
            match self.run_one(id, progress) {
                None => idle += 1,
                Some(submitted) => {
                    idle = 0;
                    untold += u32::from(submitted);
                }
            }
            if untold == self.batch {
                self.device.tell();
                untold = 0;
            }
        }
        if untold > 0 {
            self.device.tell();
        }
        !taking || idle >= self.clients.len()
    }

    /// Completes what the device has done.
    fn collect(&mut self, progress: &mut Progress) -> Result<(), Error<D::Error>> {
        while let Some((number, status)) = self.device.done()? {
            let entry = self.in_flight.get_mut(number).and_then(Option::take);
            let InFlight { client, slot } = entry.ok_or(Error::NotSubmitted(number))?;
            if let Some(state) = self.clients.get_mut(usize::from(client.0)) {
                state.answered();
                let failed = status != Status::Ok;
                self.complete(client, slot, status, failed, progress);
            }
        }
        Ok(())
    }

    /// Runs one request of the client, if it has one. Returns whether it went to the device.
    fn run_one(&mut self, id: ClientId, progress: &mut Progress) -> Option<bool> {
        let limits = self.device.limits()?;
        let client = self.clients.get_mut(usize::from(id.0))?;
        let slot = client.next(&mut self.request)?;
        let command = &mut self.command;
        let status = match client.share().translate(&self.request, limits, command) {
            Ok(()) => {
                let number = self.device.submit(command);
                match number.and_then(|number| self.in_flight.get_mut(number)) {
                    Some(entry) => {
                        client.submitted(command.op);
                        *entry = Some(InFlight { client: id, slot });
                        progress.submitted += 1;
                        return Some(true);
                    }
                    // Not reached: there was room.
                    None => Status::IoError,
                }
            }
            Err(Rejected::Nothing) => Status::Ok,
            Err(Rejected::Bounds) => Status::IoError,
            Err(Rejected::Unsupported) => Status::Unsupported,
        };
        self.complete(id, slot, status, false, progress);
        Some(false)
    }

    fn complete(
        &mut self,
        id: ClientId,
        slot: SlotId,
        status: Status,
        failed: bool,
        progress: &mut Progress,
    ) {
        if let Some(client) = self.clients.get_mut(usize::from(id.0)) {
            // Each slot comes from this client's own queue.
            if client.queue().complete(slot, status).is_ok() {
                progress.completed += 1;
                progress.errors += u32::from(failed);
            }
        }
    }

    /// Collects the clients that are to be notified.
    fn waiting(&mut self, progress: &mut Progress) {
        if progress.completed == 0 {
            return;
        }
        for (n, client) in self.clients.iter_mut().enumerate() {
            progress.notify |= u32::from(client.queue().must_notify()) << n;
        }
    }
}

impl<D: Device> Service for Driver<'_, D> {
    type Error = Error<D::Error>;

    fn ready(&mut self) -> Result<bool, Self::Error> {
        let Some(limits) = self.device.limits().filter(|_| !self.ready) else {
            return Ok(self.ready);
        };
        if !self
            .clients
            .iter()
            .all(|client| client.share().fits(limits))
        {
            return Err(Error::Share(
                "a share beyond the end of the disk, or of what the device reaches",
            ));
        }
        for client in &mut self.clients {
            client.queue().publish(&limits.properties());
        }
        self.ready = true;
        Ok(true)
    }

    fn in_flight(&self) -> usize {
        self.device.in_flight()
    }

    fn set_taking(&mut self, taking: bool) {
        self.taking = taking;
    }

    fn pump(&mut self) -> Result<Progress, Self::Error> {
        let mut progress = Progress::default();
        self.device.disarm();
        loop {
            let all = self.submit(&mut progress);
            self.collect(&mut progress)?;
            // There is no interrupt for what was done between the last look and this call.
            let done = self.device.arm();
            if !done && (all || !self.device.has_room()) {
                break;
            }
            // Requests that arrive as fast as they are completed must not keep the driver from reading its orders.
            if progress.completed as usize >= REQUESTS {
                progress.more = true;
                break;
            }
            self.device.disarm();
        }
        self.waiting(&mut progress);
        Ok(progress)
    }

    fn interrupt(&mut self) -> Result<Progress, Self::Error> {
        self.device.interrupt()?;
        let mut progress = Progress::default();
        self.collect(&mut progress)?;
        self.waiting(&mut progress);
        Ok(progress)
    }
}
