// SPDX-License-Identifier: BSD-2-Clause
//! The load: echo requests to the gateway and to the other client.

use alloc::vec::Vec;
use core::fmt;

use molt_clock::{Frequency, Ticks};
use molt_gate::Statistics;
use molt_guest::pattern;
use molt_net::{Answer, Client, Mac, Op, Packet};
use molt_queue::Token;
use molt_system::{VmmBrief, VmmShare};
use molt_test_native::{Plan, Work, brief};

use crate::buffers::Buffers;
use crate::frame::{BODY, BROADCAST, Ip, LONGEST, Message, Station};

/// The gateway of QEMU's own network.
const GATEWAY: Ip = [10, 0, 2, 2];
/// Echo requests in flight to each of the two.
const WINDOW: usize = 4;
/// Bytes of an echo's identifier, sequence number and serial number.
const NUMBERS: usize = 12;

/// An echo request that was sent.
#[derive(Clone, Copy)]
struct Echo {
    serial: u64,
    /// To which of the two.
    to: usize,
    start: Ticks,
    /// A generation ended before its answer came: [`Load::ended`] then.
    overtaken: Option<u64>,
}

/// The load, and its counters.
pub struct Load {
    own: Station,
    /// The gateway, and the other client: from the frames that they have sent.
    others: [Option<Station>; 2],
    buffers: Buffers,
    clock: Frequency,
    /// Requests without an answer.
    echoes: Vec<Echo>,
    next_serial: u64,
    answered: [u64; 2],
    /// How often [`Work::ended`] was called.
    ended: u64,
    /// The gateway was asked for its address since.
    asked: bool,
    closed: bool,
    statistics: Statistics,
}

impl Load {
    fn send(
        &mut self,
        queue: &mut Client<'static>,
        to: Station,
        message: Message<'_>,
    ) -> Option<()> {
        let mut frame = [0; LONGEST];
        let len = message.write(self.own, to, &mut frame);
        self.buffers.send(queue, &frame[..len])
    }

    fn request(&mut self, queue: &mut Client<'static>, to: usize) -> Option<()> {
        let station = self.others[to]?;
        let serial = self.next_serial;
        let start = molt_clock::now();
        let (body, len) = self.body(serial);
        self.send(queue, station, Message::Request(&body[..len]))?;
        self.next_serial += 1;
        self.echoes.push(Echo {
            serial,
            to,
            start,
            overtaken: None,
        });
        Some(())
    }

    /// The body of the echo of this number: of any length.
    fn body(&self, serial: u64) -> ([u8; BODY], usize) {
        let mut state = pattern::next(serial + 1);
        let len = NUMBERS + state as usize % (BODY - NUMBERS);
        let mut body = [0; BODY];
        let [.., low, lower] = self.own.mac;
        let [.., a, b] = serial.to_be_bytes();
        body[..4].copy_from_slice(&[low, lower, a, b]);
        body[4..NUMBERS].copy_from_slice(&serial.to_be_bytes());
        for chunk in body[NUMBERS..len].chunks_mut(8) {
            state = pattern::next(state);
            chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
        }
        (body, len)
    }

    /// Requests to one of the two that no generation's end has overtaken.
    fn in_flight(&self, to: usize) -> usize {
        let live = |echo: &&Echo| echo.to == to && echo.overtaken.is_none();
        self.echoes.iter().filter(live).count()
    }

    fn received(&mut self, queue: &mut Client<'static>, frame: &[u8]) -> Result<(), &'static str> {
        // A switch that has not learned an address yet sends everybody what is for it.
        if !frame.starts_with(&self.own.mac) && !frame.starts_with(&BROADCAST) {
            return Ok(());
        }
        let Some((from, message)) = Message::read(frame)? else {
            return Ok(());
        };
        let gateway = from.ip == GATEWAY;
        self.others[usize::from(!gateway)].get_or_insert(from);
        match message {
            Message::WhoHas(ip) if ip == self.own.ip => {
                let sent = self.send(queue, from, Message::Here);
                sent.ok_or("no buffer for an answer")
            }
            Message::WhoHas(_) | Message::Here => Ok(()),
            Message::Request(body) => {
                let sent = self.send(queue, from, Message::Reply(body));
                sent.ok_or("no buffer for an answer")
            }
            Message::Reply(body) => self.answered(usize::from(!gateway), body),
        }
    }

    fn answered(&mut self, from: usize, body: &[u8]) -> Result<(), &'static str> {
        let serial = body.get(4..).and_then(|rest| rest.first_chunk());
        let serial = serial.map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes));
        let is = |echo: &Echo| echo.serial == serial && echo.to == from;
        let Some(place) = self.echoes.iter().position(is) else {
            return Err(match serial < self.next_serial {
                true => "a second answer",
                false => "an answer to what was not asked",
            });
        };
        let echo = self.echoes.remove(place);
        let (sent, len) = self.body(serial);
        if *body != sent[..len] {
            return Err("an answer is not what was sent");
        }
        self.answered[from] += 1;
        let latency = self.clock.ns(molt_clock::now().since(echo.start));
        self.statistics.requests += 1;
        self.statistics.max_latency_ns = self.statistics.max_latency_ns.max(latency);
        self.statistics.bytes_verified += len as u64;
        if echo.overtaken.is_some() {
            return Ok(());
        }
        // Frames between two stations stay in their order.
        let ended = self.ended;
        let missing = |other: &&mut Echo| {
            other.to == from && other.serial < serial && other.overtaken.is_none()
        };
        let mut missing = self.echoes.iter_mut().filter(missing);
        match missing.next() {
            Some(other) => {
                other.overtaken = Some(ended);
                missing.for_each(|other| other.overtaken = Some(ended));
                Err("a frame was lost, and no generation had ended")
            }
            None => Ok(()),
        }
    }

    /// Most requests that were lost with one generation.
    fn lost_at_once(&self) -> usize {
        let with = |end: u64| {
            let lost = |echo: &&Echo| echo.overtaken == Some(end);
            self.echoes.iter().filter(lost).count()
        };
        (0..=self.ended).map(with).max().unwrap_or(0)
    }
}

impl Work for Load {
    type Payload = Packet;
    type Wrong = &'static str;

    const PLAN: Plan = Plan {
        wanted: 6_000,
        every: 1_000,
        progress: 2_000,
    };

    fn new(_: &VmmBrief, share: &VmmShare) -> Self {
        let [a, b, c, d, e, f, ..] = share.share[0].to_le_bytes();
        let mac: Mac = [a, b, c, d, e, f];
        Self {
            own: Station {
                mac,
                ip: [10, 0, 2, f],
            },
            others: [None; 2],
            buffers: Buffers::new(brief::words(share.queue, share.queue_words * 8)),
            clock: Frequency::of_this_machine(),
            echoes: Vec::new(),
            next_serial: 0,
            answered: [0; 2],
            ended: 0,
            asked: false,
            closed: false,
            statistics: Statistics::default(),
        }
    }

    fn fill(&mut self, queue: &mut Client<'static>) {
        if !queue.is_open() {
            return;
        }
        self.buffers.post(queue);
        if self.others[0].is_none() && !self.asked {
            let everybody = self.own;
            self.asked = self
                .send(queue, everybody, Message::WhoHas(GATEWAY))
                .is_some();
        }
        for to in 0..self.others.len() {
            while !self.closed && self.in_flight(to) < WINDOW && self.request(queue, to).is_some() {
            }
        }
    }

    fn complete(
        &mut self,
        queue: &mut Client<'static>,
        token: Token,
        answer: Answer,
    ) -> Result<(), &'static str> {
        let checked = match answer {
            Answer::Received(len) => {
                let (bytes, frame) = self.buffers.receive(queue, token, len);
                self.received(queue, bytes.get(frame).unwrap_or_default())
            }
            Answer::Sent => {
                self.buffers.sent(token);
                Ok(())
            }
            Answer::Dropped => Err("a frame was dropped"),
        };
        checked.inspect_err(|_| self.statistics.errors += 1)
    }

    /// What was passed on may have been sent, and is not sent again. Answers may come yet.
    fn ended(&mut self, queue: &mut Client<'static>) {
        while let Some(token) = queue.withdraw(|packet| packet.op == Op::Send) {
            self.buffers.sent(token);
        }
        for echo in &mut self.echoes {
            echo.overtaken.get_or_insert(self.ended);
        }
        self.ended += 1;
        self.asked = false;
    }

    fn close(&mut self) {
        self.closed = true;
    }

    fn finished(&self) -> bool {
        self.closed && (0..self.others.len()).all(|to| self.in_flight(to) == 0)
    }

    fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// As many answers of each of the two.
    fn done(&self) -> u64 {
        let [gateway, client] = self.answered;
        2 * gateway.min(client)
    }

    /// Receive buffers are always with the driver, and nobody owes a frame for them.
    fn owed(&self, _: &Client<'static>) -> usize {
        self.buffers.sending()
    }

    fn counters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.echoes.iter().filter(|echo| echo.overtaken.is_some());
        write!(
            f,
            " net_bytes={} lost={} lost_in_a_row={}",
            self.statistics.bytes_verified,
            lost.count(),
            self.lost_at_once(),
        )
    }
}
