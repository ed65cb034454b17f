// SPDX-License-Identifier: BSD-2-Clause
//! The generation's life: start, serve, quiesce; and its reports.

use molt_control::{Order, Orders, Report};
use molt_queue::{Request, Server, SlotId};
use molt_system::{DriverBrief, NONE};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

use crate::{brief, disk, fault};

/// Requests that are kept in hand, as a device would: completed only when others follow, and given up at quiesce, so that
/// their client has something to replay.
const IN_HAND: usize = 2;

/// The driver and whom it answers to. It has one client.
pub struct Generation {
    brief: &'static DriverBrief,
    queue: Server<'static>,
    hand: [Option<(SlotId, Request)>; IN_HAND],
    orders: Orders<'static>,
    report: Report<'static>,
    client: Option<Channel>,
    update: Option<Channel>,
    taken: usize,
    completions: u64,
    quiesced: Option<u64>,
    beat: u64,
    broken: bool,
}

impl Generation {
    /// Takes the disk over: there is nothing to start.
    pub fn start(brief: &'static DriverBrief) -> Self {
        let (orders, report) = brief::control(brief);
        let orders = Orders::new(orders);
        let generation = orders.generation();
        let report = Report::new(report, generation);
        report.version(fault::VERSION);
        let client = brief.clients().first();
        let words = client.map_or(&[][..], |client| brief::queue(client).0);
        let this = Self {
            brief,
            queue: Server::new(words, generation),
            hand: [const { None }; IN_HAND],
            orders,
            report,
            client: client.and_then(|client| channel(client.channel)),
            update: channel(brief.update_channel),
            taken: 0,
            completions: 0,
            quiesced: None,
            beat: 0,
            broken: false,
        };
        if fault::says_ready() {
            this.report.ready();
            notify(this.update);
        }
        this
    }

    fn serve(&mut self) {
        let before = self.completions;
        let mut none = true;
        while !self.broken {
            match self.queue.take() {
                None => break,
                Some(Err(_)) => self.broken = true,
                Some(Ok((slot, request))) => {
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
        if none {
            (0..IN_HAND).for_each(|place| self.finish(place));
        }
        if self.completions > before {
            if let Some(client) = self.brief.clients().first() {
                fault::completed(brief::queue(client).0, self.completions);
            }
            notify(self.client);
        }
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
        let status = disk::run(medium, data, client.first_sector, client.sectors, request);
        // The slot was taken from this queue and is completed once.
        let _ = self.queue.complete(slot, status);
        self.completions += 1;
        let error = status != molt_queue::Status::Ok;
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

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        if self.orders.order().0 == Order::Run || !fault::obeys() {
            self.serve();
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
