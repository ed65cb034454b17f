// SPDX-License-Identifier: BSD-2-Clause
//! The life of a generation: it starts, serves and quiesces, and reports to `update`.

use molt_block_queue::{Request, Server, SlotId};
use molt_control::{Order, Orders, Report};
use molt_system::{DriverBrief, NONE};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

use crate::alarm::Alarm;
use crate::{brief, disk, fault};

/// Requests that are kept in hand, as a device would: completed only when others follow, or at the device's interrupt where
/// there is one; and given up at quiesce, so that their client has something to replay.
const IN_HAND: usize = 2;

/// The driver and whom it answers to. It has one client.
pub struct Generation {
    brief: &'static DriverBrief,
    queue: Server<'static>,
    hand: [Option<(SlotId, Request)>; IN_HAND],
    orders: Orders<'static>,
    report: Report<'static>,
    alarm: Option<Alarm>,
    irq: Option<Channel>,
    client: Option<Channel>,
    update: Option<Channel>,
    taken: usize,
    completions: u64,
    quiesced: Option<u64>,
    beat: u64,
    ready: bool,
    broken: bool,
}

impl Generation {
    /// Takes the disk over, and the alarm clock.
    pub fn start(brief: &'static DriverBrief) -> Self {
        let (orders, report) = brief::control(brief);
        let orders = Orders::new(orders);
        let generation = orders.generation();
        let report = Report::new(report, generation);
        report.version(fault::VERSION);
        let client = brief.clients().first();
        let words = client.map_or(&[][..], |client| brief::queue(client).0);
        let mut this = Self {
            brief,
            queue: Server::new(words, generation),
            hand: [const { None }; IN_HAND],
            orders,
            report,
            alarm: brief::device(brief).map(Alarm::new),
            irq: channel(brief.irq),
            client: client.and_then(|client| channel(client.channel)),
            update: channel(brief.update_channel),
            taken: 0,
            completions: 0,
            quiesced: None,
            beat: 0,
            ready: false,
            broken: false,
        };
        this.say_ready(false);
        this
    }

    fn say_ready(&mut self, signalled: bool) {
        if !self.ready && fault::says_ready(signalled) {
            self.ready = true;
            self.report.ready();
            notify(self.update);
        }
    }

    /// Completes what the device has done: all that is in hand.
    fn interrupt(&mut self) {
        let (Some(alarm), Some(irq)) = (&self.alarm, self.irq) else {
            return;
        };
        fault::interrupted(self.orders.generation(), self.completions);
        alarm.clear();
        // Without the capability, which `update` gives and takes, there is nothing to acknowledge.
        let _ = irq.irq_ack();
        (0..IN_HAND).for_each(|place| self.finish(place));
    }

    fn serve(&mut self, interrupted: bool) {
        let before = self.completions;
        if interrupted {
            self.interrupt();
        }
        let mut none = true;
        while !self.broken && self.has_room() {
            let mut request = Request::default();
            match self.queue.take(&mut request) {
                None => break,
                Some(Err(_)) => self.broken = true,
                Some(Ok(slot)) => {
                    none = false;
                    fault::taken();
                    if self.report.submitted(molt_clock::now().0) {
                        notify(self.update);
                    }
                    // The one that was taken longest ago makes room.
                    let place = self.taken % IN_HAND;
                    self.taken += 1;
                    self.finish(place);
                    if let Some(place) = self.hand.get_mut(place) {
                        *place = Some((slot, request));
                    }
                }
            }
        }
        match &self.alarm {
            Some(alarm) if self.hand.iter().any(Option::is_some) => alarm.go_off(),
            None if none => (0..IN_HAND).for_each(|place| self.finish(place)),
            _ => {}
        }
        if self.completions > before {
            if let Some(client) = self.brief.clients().first() {
                fault::completed(brief::queue(client).0, self.completions);
            }
            notify(self.client);
        }
    }

    /// A device has to be done with a request before it takes the next in its place.
    fn has_room(&self) -> bool {
        self.alarm.is_none() || self.hand.iter().any(Option::is_none)
    }

    fn finish(&mut self, place: usize) {
        if fault::completes()
            && let Some((slot, request)) = self.hand.get_mut(place).and_then(Option::take)
        {
            self.complete(slot, &request);
        }
    }

    fn complete(&mut self, slot: SlotId, request: &Request) {
        let Some(client) = self.brief.clients().first() else {
            return;
        };
        let (_, data) = brief::queue(client);
        let medium = brief::disk(self.brief);
        let [first_sector, sectors, ..] = client.share;
        let status = disk::run(medium, data, first_sector, sectors, request);
        // The slot was taken from this queue and is completed once.
        let _ = self.queue.complete(slot, status);
        self.completions += 1;
        let error = status != molt_block_queue::Status::Ok;
        if self.report.completed(error, molt_clock::now().0) {
            notify(self.update);
        }
    }

    fn settle(&mut self) {
        let beat = self.orders.beat();
        if beat != self.beat {
            self.beat = beat;
            self.report.beat(beat);
            notify(self.update);
        }
        let (order, serial) = self.orders.order();
        if order == Order::Quiesce && self.quiesced != Some(serial) && fault::obeys() {
            self.quiesced = Some(serial);
            self.report.quiesced(serial);
            notify(self.update);
        }
    }
}

impl Handler for Generation {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        let by = |channel: Option<Channel>| channel.is_some_and(|c| channels.contains(c));
        if self.quiesced.is_some()
            && by(self.update)
            && let Some(client) = self.brief.clients().first()
        {
            fault::lingers(self.irq, brief::queue(client).0, brief::device(self.brief));
        }
        self.say_ready(by(self.client));
        if self.orders.order().0 == Order::Run || !fault::obeys() {
            self.serve(by(self.irq));
        }
        self.settle();
        Ok(())
    }
}

fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}

fn notify(channel: Option<Channel>) {
    if let Some(channel) = channel {
        channel.notify();
    }
}
