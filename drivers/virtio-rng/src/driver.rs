// SPDX-License-Identifier: BSD-2-Clause
//! The driver: passes the clients' requests to the device, and the device's answers to the clients.

use heapless::Vec;
use molt_entropy_queue::{Answer, SlotId};
use molt_service::{Progress, Service};
use molt_shared::Narrow;
use molt_virtio::ENTRIES;

use crate::Error;
use crate::client::Client;
use crate::rng::Rng;

/// Most clients of one driver.
pub const CLIENTS: usize = 8;

/// A request that is with the device.
#[derive(Debug)]
struct InFlight {
    client: usize,
    slot: SlotId,
}

/// The driver of one device.
#[derive(Debug)]
pub struct Driver<'a, R> {
    device: Rng<'a, R>,
    clients: Vec<Client<'a>, CLIENTS>,
    in_flight: [Option<InFlight>; ENTRIES],
    /// Most requests that the device has at a time.
    depth: usize,
    /// The client that is asked first the next time.
    turn: usize,
    taking: bool,
}

impl<'a, R: Narrow> Driver<'a, R> {
    /// A driver without clients. The device has at most `depth` requests (at least 1) at a time; they are finished before the
    /// driver has quiesced.
    pub fn new(device: Rng<'a, R>, depth: usize) -> Self {
        Self {
            device,
            clients: Vec::new(),
            in_flight: [const { None }; ENTRIES],
            depth: depth.max(1),
            turn: 0,
            taking: true,
        }
    }

    /// Adds a client; before the first request.
    ///
    /// # Errors
    /// [`Error::Clients`].
    pub fn attach(&mut self, client: Client<'a>) -> Result<(), Error> {
        self.clients.push(client).map_err(|_| Error::Clients)
    }

    /// Gives the device one request of each client in turn, as long as there is room. Returns whether no request is left.
    fn submit(&mut self, progress: &mut Progress) -> bool {
        let mut idle = 0;
        while self.taking && idle < self.clients.len() && self.has_room() {
            let client = self.turn;
            self.turn = (client + 1) % self.clients.len();
            match self.submit_one(client) {
                Some(()) => {
                    idle = 0;
                    progress.submitted += 1;
                }
                None => idle += 1,
            }
        }
        self.device.tell();
        !self.taking || idle >= self.clients.len()
    }

    fn has_room(&self) -> bool {
        self.device.has_room() && self.device.in_flight() < self.depth
    }

    fn submit_one(&mut self, client: usize) -> Option<()> {
        let (slot, piece) = self.clients.get_mut(client)?.next()?;
        let number = self.device.submit(piece)?;
        *self.in_flight.get_mut(number)? = Some(InFlight { client, slot });
        Some(())
    }

    /// Completes what the device has done.
    fn collect(&mut self, progress: &mut Progress) -> Result<(), Error> {
        while let Some((number, written)) = self.device.done()? {
            let entry = self.in_flight.get_mut(number).and_then(Option::take);
            let InFlight { client, slot } = entry.ok_or(Error::NotSubmitted(number))?;
            if let Some(client) = self.clients.get_mut(client) {
                // The slot comes from this client's own queue.
                let completed = client.queue().complete(slot, Answer::Filled(written));
                progress.completed += u32::from(completed.is_ok());
            }
        }
        Ok(())
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

impl<R: Narrow> Service for Driver<'_, R> {
    type Error = Error;

    fn ready(&mut self) -> Result<bool, Error> {
        Ok(true)
    }

    fn in_flight(&self) -> usize {
        self.device.in_flight()
    }

    fn set_taking(&mut self, taking: bool) {
        self.taking = taking;
    }

    fn pump(&mut self) -> Result<Progress, Error> {
        let mut progress = Progress::default();
        loop {
            self.device.disarm();
            let all = self.submit(&mut progress);
            self.collect(&mut progress)?;
            // There is no interrupt for what was done between the last look and this call.
            let done = self.device.arm();
            if !done && (all || !self.has_room()) {
                break;
            }
            // Requests that arrive as fast as they are completed must not keep the driver from reading its orders.
            if progress.completed as usize >= ENTRIES {
                progress.more = true;
                break;
            }
        }
        self.waiting(&mut progress);
        Ok(progress)
    }

    fn interrupt(&mut self) -> Result<Progress, Error> {
        self.device.interrupt()?;
        let mut progress = Progress::default();
        self.collect(&mut progress)?;
        self.waiting(&mut progress);
        Ok(progress)
    }
}
