// SPDX-License-Identifier: BSD-2-Clause
//! The driver: passes frames between the clients and the device, as the switch decides.

use heapless::Vec;
use molt_net::{Answer, Properties};
use molt_queue::SlotId;
use molt_service::{Progress, Service};
use molt_shared::Mmio;
use molt_switch::{Header, Port, Ports, Switch};

use crate::Error;
use crate::client::{Client, Sent};
use crate::features::Features;
use crate::frame::Frame;
use crate::nic::Nic;
use crate::transmit::FRAMES;

/// Most clients of one driver.
pub const CLIENTS: usize = 8;
/// The switch's port to the device. That of client `n` is `n + 1`.
const OUTSIDE: usize = 0;
/// The longest frame that goes over the wire at once: Ethernet's header, a VLAN tag, 1500 bytes (IEEE 802.3, 3.2.7).
const LONGEST: usize = 1518;

/// A frame that is with the device.
#[derive(Debug)]
struct InFlight {
    client: usize,
    slot: SlotId,
}

/// The driver of one device.
#[derive(Debug)]
pub struct Driver<'a, R> {
    device: Nic<'a, R>,
    switch: Switch,
    clients: Vec<Client<'a>, CLIENTS>,
    in_flight: [Option<InFlight>; FRAMES],
    /// The client that is asked first the next time.
    turn: usize,
    /// Most frames in each direction in one call of [`Service::pump`]: frames that come as fast as they are passed on must not
    /// keep the driver from reading its orders.
    batch: u32,
    taking: bool,
    /// The link's state or properties were published, and the clients do not know it yet.
    published: bool,
    /// Seconds since some start, for the age of what the switch has learned.
    seconds: fn() -> u64,
}

impl<'a, R: Mmio> Driver<'a, R> {
    /// A driver without clients, which passes on at most `batch` frames (at least 1) in each direction before it looks at its
    /// orders. `seconds`: a clock.
    pub fn new(device: Nic<'a, R>, batch: u32, seconds: fn() -> u64) -> Self {
        let mut switch = Switch::new();
        // The first port is always there.
        let _ = switch.add(Port::default());
        Self {
            device,
            switch,
            clients: Vec::new(),
            in_flight: [const { None }; FRAMES],
            turn: 0,
            batch: batch.max(1),
            taking: true,
            published: false,
            seconds,
        }
    }

    /// Adds a client; before the first frame.
    ///
    /// # Errors
    /// [`Error::Clients`], [`Error::Share`] if a client is held to an address that another one is held to, or to a group's.
    pub fn attach(&mut self, client: Client<'a>) -> Result<(), Error> {
        let port = self.switch.add(client.share().port());
        port.ok_or(Error::Share("a client's address is another's or a group's"))?;
        self.clients.push(client).map_err(|_| Error::Clients)
    }

    /// Tells the clients what the network can do.
    fn publish(&mut self) {
        let has = |feature| self.device.features().contains(feature);
        for client in &mut self.clients {
            let properties = Properties {
                mac: client.share().mac,
                link: self.device.config().link,
                checksum: has(Features::CSUM),
                tcp4: has(Features::HOST_TSO4),
                tcp6: has(Features::HOST_TSO6),
            };
            client.queue().publish(&properties);
        }
    }

    /// Takes one frame of each client in turn, as long as the device has room. Returns whether no frame is left.
    fn submit(&mut self, progress: &mut Progress) -> bool {
        let mut idle = 0;
        while self.taking && idle < self.clients.len() && self.has_room(progress) {
            let client = self.turn;
            self.turn = (client + 1) % self.clients.len();
            match self.clients.get_mut(client).and_then(Client::next) {
                Some(sent) => {
                    idle = 0;
                    progress.submitted += 1;
                    self.send(client, sent, progress);
                }
                None => idle += 1,
            }
        }
        self.device.tell();
        !self.taking || idle >= self.clients.len()
    }

    fn has_room(&self, progress: &Progress) -> bool {
        self.device.has_room() && progress.submitted < self.batch
    }

    /// Passes on a client's frame.
    fn send(&mut self, client: usize, sent: Sent, progress: &mut Progress) {
        let passed = match self.route(client, &sent) {
            Some(ports) => self.pass(client, &sent, ports, progress),
            None => Passed::Nowhere,
        };
        let answer = match passed {
            Passed::ToDevice(number) => {
                if let Some(entry) = self.in_flight.get_mut(number) {
                    let slot = sent.slot;
                    *entry = Some(InFlight { client, slot });
                }
                return;
            }
            Passed::ToClients => Answer::Sent,
            Passed::Nowhere => Answer::Dropped,
        };
        self.complete(client, sent.slot, answer, progress);
    }

    /// Where a client's frame goes; `None`: it is no frame, or goes nowhere.
    fn route(&mut self, client: usize, sent: &Sent) -> Option<Ports> {
        let (len, offload) = (sent.len(), sent.offload());
        let whole = len >= molt_switch::HEADER && offload.fits(len);
        if !whole || len > LONGEST && !offload.is_long() {
            return None;
        }
        let now = (self.seconds)();
        (self.switch)
            .forward(client + 1, &sent.header(), len, now)
            .ok()
    }

    /// Copies a frame to the clients among the ports, and gives it to the device if that is among them.
    fn pass(
        &mut self,
        client: usize,
        sent: &Sent,
        ports: Ports,
        progress: &mut Progress,
    ) -> Passed {
        let mut passed = Passed::Nowhere;
        let Some(sender) = self.clients.get(client) else {
            return passed;
        };
        let (from, rest) = (sender.region(), sender.rest(sent));
        for port in ports.without(Ports::one(OUTSIDE)) {
            let to = self.clients.get_mut(port - 1);
            match to.is_some_and(|to| to.pass(sent, from)) {
                true => {
                    progress.completed += 1;
                    passed = Passed::ToClients;
                }
                false => self.switch.no_room(port, sent.len()),
            }
        }
        if ports.contains(OUTSIDE) {
            let takes = self.device.takes(&sent.offload());
            let number = takes.then(|| self.device.send(sent.start(), rest));
            match number.flatten() {
                Some(number) => return Passed::ToDevice(number),
                None => self.switch.no_room(OUTSIDE, sent.len()),
            }
        }
        passed
    }

    fn complete(&mut self, client: usize, slot: SlotId, answer: Answer, progress: &mut Progress) {
        if let Some(client) = self.clients.get_mut(client) {
            // The slot comes from this client's own queue.
            let completed = client.queue().complete(slot, answer);
            progress.completed += u32::from(completed.is_ok());
        }
    }

    /// Completes the frames that the device has sent.
    fn collect(&mut self, progress: &mut Progress) -> Result<(), Error> {
        while let Some(number) = self.device.sent()? {
            let entry = self.in_flight.get_mut(number).and_then(Option::take);
            let InFlight { client, slot } = entry.ok_or(Error::NotSubmitted(number))?;
            self.complete(client, slot, Answer::Sent, progress);
        }
        Ok(())
    }

    /// Passes on what the device has received. Returns whether nothing is left.
    fn receive(&mut self, progress: &mut Progress) -> Result<bool, Error> {
        for _ in 0..self.batch {
            let frame = match self.taking {
                true => self.device.received()?,
                false => None,
            };
            let Some(frame) = frame else {
                return Ok(true);
            };
            self.distribute(&frame, progress);
            self.device.give_back(frame);
        }
        Ok(false)
    }

    fn distribute(&mut self, frame: &Frame<'_>, progress: &mut Progress) {
        let len = frame.len();
        let Some(header) = frame.start().filter(|_| frame.offload.fits(len)) else {
            return;
        };
        let now = (self.seconds)();
        let header = Header::new(&header);
        let ports = self.switch.forward(OUTSIDE, &header, len, now);
        for port in ports.unwrap_or_default() {
            let to = self.clients.get_mut(port.wrapping_sub(1));
            let stored = to.is_some_and(|to| {
                to.receive(len + molt_net::HEADER, |region, at| {
                    frame.copy_to(region, at);
                })
            });
            match stored {
                true => progress.completed += 1,
                false => self.switch.no_room(port, len),
            }
        }
    }

    /// Collects the clients that are to be notified.
    fn waiting(&mut self, progress: &mut Progress) {
        let published = core::mem::take(&mut self.published);
        if progress.completed == 0 && !published {
            return;
        }
        for (n, client) in self.clients.iter_mut().enumerate() {
            let notify = client.queue().must_notify() || published;
            progress.notify |= u32::from(notify) << n;
        }
    }
}

/// What became of a frame.
enum Passed {
    /// Nobody has got it.
    Nowhere,
    /// Each client that has got it has a copy.
    ToClients,
    /// The device reads it, under this number.
    ToDevice(usize),
}

impl<R: Mmio> Service for Driver<'_, R> {
    type Error = Error;

    fn ready(&mut self) -> Result<bool, Error> {
        self.publish();
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
            self.collect(&mut progress)?;
            // In this order: a frame that was found among receive buffers is passed on too.
            let none = self.receive(&mut progress)?;
            let all = self.submit(&mut progress);
            // There is no interrupt for what was done between the last look and this call.
            let done = self.device.arm(self.taking);
            if !none || progress.submitted >= self.batch {
                progress.more = true;
                break;
            }
            if !done && (all || !self.device.has_room()) {
                break;
            }
        }
        self.waiting(&mut progress);
        Ok(progress)
    }

    fn interrupt(&mut self) -> Result<Progress, Error> {
        if self.device.interrupt()? {
            self.publish();
            self.published = true;
        }
        let mut progress = Progress::default();
        self.collect(&mut progress)?;
        self.waiting(&mut progress);
        Ok(progress)
    }
}
