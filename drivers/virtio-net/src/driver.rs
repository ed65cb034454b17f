// SPDX-License-Identifier: BSD-2-Clause
//! The driver: passes frames between the clients and the device, as the switch decides.

use heapless::Vec;
use molt_net::{Answer, HEADER, Properties, Segments};
use molt_queue::SlotId;
use molt_service::{Progress, Service};
use molt_shared::Narrow;
use molt_switch::{Header, Port, Ports, Switch};

use crate::Error;
use crate::client::{Client, Room, Sent};
use crate::frame::Frame;
use crate::nic::Nic;
use crate::transmit::FRAMES;

/// Most clients of one driver.
pub const CLIENTS: usize = 8;
/// The switch's port to the device. That of client `n` is `n + 1`.
const OUTSIDE: usize = 0;
/// Seconds that a frame waits at the least for a client that has no receive buffer. A client that lives gives one back as soon as it
/// has copied a frame out of it, so this is never reached by one that the machine lets run.
const PATIENCE: u64 = 1;

/// A frame that is with the device, or a segment.
#[derive(Debug)]
struct InFlight {
    client: usize,
    /// Number of the frame's slot.
    slot: usize,
}

/// The driver of one device.
#[derive(Debug)]
pub struct Driver<'a, R> {
    device: Nic<'a, R>,
    switch: Switch,
    clients: Vec<Client<'a>, CLIENTS>,
    in_flight: [Option<InFlight>; FRAMES],
    /// A frame from the device that waits for its receiver, and since when.
    held: Option<(Frame<'a>, Ports, u64)>,
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

impl<'a, R: Narrow> Driver<'a, R> {
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
            held: None,
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
        for client in &mut self.clients {
            // What the device does not do is done here.
            let properties = Properties {
                mac: client.share().mac,
                link: self.device.config().link,
                checksum: true,
                tcp4: true,
                tcp6: true,
            };
            client.queue().publish(&properties);
        }
    }

    /// Takes one frame of each client in turn, as long as the device has room. Returns whether no frame is left but those that
    /// wait for their receivers.
    fn submit(&mut self, progress: &mut Progress) -> bool {
        let mut idle = 0;
        while self.taking && idle < self.clients.len() && self.has_room(progress) {
            let client = self.turn;
            self.turn = (client + 1) % self.clients.len();
            let next = self.clients.get_mut(client).and_then(Client::next);
            match next.is_some_and(|sent| self.send(client, sent, progress)) {
                true => {
                    idle = 0;
                    progress.submitted += 1;
                }
                false => idle += 1,
            }
        }
        self.device.tell();
        !self.taking || idle >= self.clients.len()
    }

    fn has_room(&self, progress: &Progress) -> bool {
        self.device.has_room() && progress.submitted < self.batch
    }

    /// Passes on a client's frame. Returns whether the client's next one may follow: this one does not wait.
    fn send(&mut self, client: usize, mut sent: Sent, progress: &mut Progress) -> bool {
        let route = (sent.route.take()).or_else(|| self.route(client, &sent));
        let passed = match route {
            Some((ports, since)) if self.waits(ports, sent.len(), since) => {
                sent.route = route;
                if let Some(client) = self.clients.get_mut(client) {
                    client.hold(sent);
                }
                return false;
            }
            Some((ports, _)) => self.pass(client, &mut sent, ports, progress),
            None => Passed::Nowhere,
        };
        let answer = match passed {
            Passed::ToDevice => {
                self.end(client, sent.slot, progress);
                return true;
            }
            Passed::InPart => {
                if let Some(client) = self.clients.get_mut(client) {
                    client.hold(sent);
                }
                return true;
            }
            Passed::ToClients => Answer::Sent,
            Passed::Nowhere => Answer::Dropped,
        };
        self.complete(client, sent.slot, answer, progress);
        true
    }

    /// Whether a frame of `len` bytes waits, since this second: it is for one client alone, which will have room. A burst, as after
    /// a blackout, is then held back where it comes from. A frame for several receivers waits for none of them.
    fn waits(&mut self, ports: Ports, len: usize, since: u64) -> bool {
        let now = (self.seconds)();
        let client = ports.only().and_then(|port| port.checked_sub(1));
        let Some(client) = client.and_then(|client| self.clients.get_mut(client)) else {
            return false;
        };
        if client.room(len + HEADER) != Room::Later {
            return false;
        }
        let waits = now.saturating_sub(since) <= PATIENCE;
        if !waits {
            client.set_deaf();
        }
        waits
    }

    /// Where a client's frame goes, and the present second; `None`: it is no frame, or goes nowhere.
    fn route(&mut self, client: usize, sent: &Sent) -> Option<(Ports, u64)> {
        let (len, offload) = (sent.len(), sent.offload());
        let whole = len >= molt_switch::HEADER && offload.fits(len);
        if !whole || len > molt_net::LONGEST && !offload.is_long() {
            return None;
        }
        let now = (self.seconds)();
        let ports = (self.switch).forward(client + 1, &sent.header(), len, now);
        Some((ports.ok()?, now))
    }

    /// Copies a frame to the clients among the ports, and gives it to the device if that is among them.
    fn pass(
        &mut self,
        client: usize,
        sent: &mut Sent,
        ports: Ports,
        progress: &mut Progress,
    ) -> Passed {
        let mut passed = Passed::Nowhere;
        let Some(from) = self.clients.get(client).map(Client::region) else {
            return passed;
        };
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
            let given = match self.device.takes(&sent.offload()) {
                true => self.give(client, sent, None),
                false => self.cut(client, sent, progress),
            };
            match given {
                Some(passed) => return passed,
                None => self.switch.no_room(OUTSIDE, sent.len()),
            }
        }
        passed
    }

    /// Gives the device a frame, or a segment of it. `None`: no room.
    fn give(
        &mut self,
        client: usize,
        sent: &Sent,
        segment: Option<(&[u8], (u64, u32))>,
    ) -> Option<Passed> {
        let sender = self.clients.get_mut(client)?;
        let (start, rest) = segment.unwrap_or_else(|| (sent.start(), sender.rest(sent)));
        let number = self.device.send(start, rest)?;
        sender.parts.give(&sent.slot);
        let slot = sent.slot.index();
        *self.in_flight.get_mut(number)? = Some(InFlight { client, slot });
        Some(Passed::ToDevice)
    }

    /// Does what the device does not do, and gives it the segments while it has room. `None`: the frame's headers do not allow it.
    fn cut(&mut self, client: usize, sent: &mut Sent, progress: &mut Progress) -> Option<Passed> {
        let start = self.clients.get(client)?.headers(sent);
        let segments = Segments::of(start.get(HEADER..)?, sent.len(), &sent.offload());
        // The client may have written its headers anew: what was given stays given.
        let count = segments.as_ref().map_or(0, Segments::count);
        while let Some(segments) = segments.as_ref().filter(|_| sent.segments < count) {
            if !self.device.has_room() {
                sent.route = Some((Ports::one(OUTSIDE), 0));
                return Some(Passed::InPart);
            }
            let part = segments.payload(sent.segments);
            let (sum, payload) = self.clients.get(client)?.payload(sent, part);
            let mut start = start.clone();
            segments.write(sent.segments, start.get_mut(HEADER..)?, sum);
            start.truncate(HEADER + segments.headers());
            self.give(client, sent, Some((&start, payload)))?;
            sent.segments += 1;
            progress.submitted += 1;
        }
        (sent.segments > 0).then_some(Passed::ToDevice)
    }

    /// The device has got all of a frame.
    fn end(&mut self, client: usize, slot: SlotId, progress: &mut Progress) {
        let sender = self.clients.get_mut(client);
        if let Some(slot) = sender.and_then(|sender| sender.parts.end(slot)) {
            self.complete(client, slot, Answer::Sent, progress);
        }
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
            let sender = self.clients.get_mut(client);
            if let Some(slot) = sender.and_then(|sender| sender.parts.done(slot)) {
                self.complete(client, slot, Answer::Sent, progress);
            }
        }
        Ok(())
    }

    /// Passes on what the device has received. Returns whether nothing is left that does not wait for its receiver. While the
    /// driver comes to its end no frame waits.
    fn receive(&mut self, progress: &mut Progress) -> Result<bool, Error> {
        for _ in 0..self.batch {
            let next = match self.held.take() {
                Some(held) => Some(held),
                None => self.arrived()?,
            };
            let Some((frame, ports, since)) = next else {
                return Ok(true);
            };
            if self.taking && self.waits(ports, frame.len(), since) {
                self.held = Some((frame, ports, since));
                return Ok(true);
            }
            self.distribute(&frame, ports, progress);
            self.device.give_back(frame);
        }
        Ok(false)
    }

    /// The next frame from the device, to which ports it goes, and the present second. A frame that goes nowhere has no port.
    fn arrived(&mut self) -> Result<Option<(Frame<'a>, Ports, u64)>, Error> {
        let Some(frame) = self.device.received()? else {
            return Ok(None);
        };
        let (len, now) = (frame.len(), (self.seconds)());
        let header = frame.start().filter(|_| frame.offload.fits(len));
        let ports = header.and_then(|header| {
            let header = Header::new(&header);
            self.switch.forward(OUTSIDE, &header, len, now).ok()
        });
        Ok(Some((frame, ports.unwrap_or_default(), now)))
    }

    /// Copies a frame from the device to the clients among the ports.
    fn distribute(&mut self, frame: &Frame<'_>, ports: Ports, progress: &mut Progress) {
        let len = frame.len();
        for port in ports {
            let to = self.clients.get_mut(port.wrapping_sub(1));
            let stored = to.is_some_and(|to| {
                to.receive(len + HEADER, |region, at| {
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
    /// The device has got all of it.
    ToDevice,
    /// The device has got some of its segments, and no room for the next.
    InPart,
}

impl<R: Narrow> Service for Driver<'_, R> {
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
            let none = self.receive(&mut progress)?;
            let all = self.submit(&mut progress);
            // There is no interrupt for what was done between the last look and this call.
            let done = self.device.arm(self.taking && self.held.is_none());
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
