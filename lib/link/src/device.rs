// SPDX-License-Identifier: BSD-2-Clause
//! The controller's end.

use crate::frame::{Decoder, Event, Frame, Message};
use crate::message::{ANSWER, Kind, NAK};
use crate::{Answer, Request};

/// Bytes that wait to be sent: the answers to a whole window of requests.
const OUTGOING: usize = 1024;

/// Which request an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    sequence: u32,
    kind: Kind,
}

/// A request that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// For the answer.
    pub id: Id,
    /// What is asked for.
    pub request: Request<'a>,
}

/// The controller's end of the line. Requests can be answered later and in any order.
#[derive(Debug)]
pub struct Device {
    decoder: Decoder,
    outgoing: [u8; OUTGOING],
    first: usize,
    count: usize,
}

impl Device {
    /// An end that has received and sent nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            outgoing: [0; OUTGOING],
            first: 0,
            count: 0,
        }
    }

    /// Takes a byte from the line, which may complete a request. A broken frame is answered with NAK. A frame that is whole and no
    /// request is passed over: to send it again would not change it.
    pub fn receive(&mut self, byte: u8) -> Option<Received<'_>> {
        let (outgoing, first, count) = (&mut self.outgoing, self.first, &mut self.count);
        let Message {
            kind,
            sequence,
            content,
        } = match self.decoder.take(byte)? {
            Event::Message(message) => message,
            Event::Broken => {
                put(outgoing, first, count, Frame::new(NAK, 0, &[]).bytes());
                return None;
            }
        };
        let kind = Kind::from_byte(kind)?;
        let request = Request::decode(kind, content)?;
        let id = Id { sequence, kind };
        Some(Received { id, request })
    }

    /// Answers a request. An answer that does not fit behind those that wait to be sent is dropped: the host asks again.
    pub fn answer(&mut self, id: Id, answer: &Answer) {
        let frame = Frame::new(id.kind as u8 | ANSWER, id.sequence, answer.encode().bytes());
        put(
            &mut self.outgoing,
            self.first,
            &mut self.count,
            frame.bytes(),
        );
    }

    /// The next byte for the line.
    pub fn transmit(&mut self) -> Option<u8> {
        let byte = *self.outgoing.get(self.first)?;
        self.count = self.count.checked_sub(1)?;
        self.first = (self.first + 1) % OUTGOING;
        Some(byte)
    }

    /// Whether nothing waits to be sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.count == 0
    }
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}

fn put(outgoing: &mut [u8; OUTGOING], first: usize, count: &mut usize, frame: &[u8]) {
    if OUTGOING - *count < frame.len() {
        return;
    }
    for byte in frame {
        outgoing[(first + *count) % OUTGOING] = *byte;
        *count += 1;
    }
}
