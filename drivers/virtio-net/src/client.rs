// SPDX-License-Identifier: BSD-2-Clause
//! One client: its queue, the buffers in the queue's region, and its receive buffers that wait for a frame.

use core::ops::Range;
use core::sync::atomic::AtomicU64;

use heapless::{Deque, Vec};
use molt_net::{Answer, HEADER, Mac, Offload, Op, Packet, Server, Sum};
use molt_queue::{SlotId, layout};
use molt_switch::{Header, Port, Ports};
use molt_system::{ISOLATED, PINNED, SHARE_WORDS};

use crate::parts::Parts;
use crate::transmit::{LONG_START, START};

/// What a client has of the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// Its address.
    pub mac: Mac,
    /// Whether it may send from no other address.
    pub pinned: bool,
    /// Whether it exchanges frames only with the outside and with clients that are not isolated.
    pub isolated: bool,
}

impl Share {
    /// From the words of a brief (`molt_system::Class::Network`).
    pub fn from_words([mac, flags, ..]: [u64; SHARE_WORDS]) -> Self {
        let [a, b, c, d, e, f, ..] = mac.to_le_bytes();
        Self {
            mac: [a, b, c, d, e, f],
            pinned: flags & PINNED != 0,
            isolated: flags & ISOLATED != 0,
        }
    }

    /// The switch's port for it.
    pub(crate) fn port(&self) -> Port {
        Port {
            held_to: self.pinned.then_some(self.mac),
            isolated: self.isolated,
        }
    }
}

/// A client as the driver sees it.
#[derive(Debug)]
pub struct Client<'a> {
    queue: Server<'a>,
    region: &'a [AtomicU64],
    /// The region's physical address.
    physical: u64,
    share: Share,
    /// Receive buffers that wait for a frame.
    waiting: Deque<(SlotId, Packet), { layout::SLOTS }>,
    /// Frames that were taken, in their order: receive buffers that are needed may lie behind them in the queue.
    frames: Deque<(SlotId, Packet), { layout::SLOTS }>,
    /// The frame that waits for its receiver, or of which segments are left.
    held: Option<Sent>,
    /// The frames that are with the device.
    pub(crate) parts: Parts,
    /// It had no room for a frame for too long. Until it has, none waits for it.
    deaf: bool,
    strayed: bool,
}

/// Whether a client can store a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// At once.
    Now,
    /// When it has submitted its next receive buffer.
    Later,
    /// Never, or nobody knows when.
    Never,
}

/// A frame that a client wants to have sent. Its start is a private copy: what was decided by it stays true.
#[derive(Debug)]
pub(crate) struct Sent {
    pub slot: SlotId,
    packet: Packet,
    start: [u8; START],
    /// Where the switch has decided that it goes, and when, if it was held.
    pub route: Option<(Ports, u64)>,
    /// How many of its segments the device has got.
    pub segments: usize,
}

impl Sent {
    /// Its first bytes: virtio's header, Ethernet's, and what follows; all of it if it is short.
    pub fn start(&self) -> &[u8] {
        let len = START.min(self.packet.len as usize);
        self.start.get(..len).unwrap_or_default()
    }

    /// Bytes of the frame, without virtio's header; less than Ethernet's header if it is none.
    pub fn len(&self) -> usize {
        (self.packet.len as usize).saturating_sub(HEADER)
    }

    /// What is left to be done on it.
    pub fn offload(&self) -> Offload {
        let header = self.start.first_chunk().copied().unwrap_or_default();
        Offload::from_bytes(header).0
    }

    /// Ethernet's header.
    pub fn header(&self) -> Header {
        let frame = self.start.get(HEADER..).unwrap_or_default();
        Header::new(frame.first_chunk().unwrap_or(&[0; _]))
    }
}

impl<'a> Client<'a> {
    /// A client with nothing in flight. `region` holds its queue and its buffers, and is at `physical` in physical memory.
    pub fn new(queue: Server<'a>, region: &'a [AtomicU64], physical: u64, share: Share) -> Self {
        Self {
            queue,
            region,
            physical,
            share,
            waiting: Deque::new(),
            frames: Deque::new(),
            held: None,
            parts: Parts::new(),
            deaf: false,
            strayed: false,
        }
    }

    /// Its queue.
    pub fn queue(&mut self) -> &mut Server<'a> {
        &mut self.queue
    }

    pub(crate) fn share(&self) -> &Share {
        &self.share
    }

    /// The next frame to be sent: the one that was held, if there is one.
    pub(crate) fn next(&mut self) -> Option<Sent> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        self.take();
        let (slot, packet) = self.frames.pop_front()?;
        Some(self.sent(slot, packet))
    }

    /// Keeps a frame whose receiver has no room, or of which segments are left. It is the next one again.
    pub(crate) fn hold(&mut self, sent: Sent) {
        self.held = Some(sent);
    }

    /// Takes what the client has submitted. From a client that breaks the protocol, or names bytes outside its region, nothing
    /// is taken any more.
    fn take(&mut self) {
        while !self.strayed {
            let mut packet = Packet::default();
            let Some(taken) = self.queue.take(&mut packet) else {
                return;
            };
            match taken {
                Ok(slot) if packet.is_inside(size_of_val(self.region)) => {
                    let places = match packet.op {
                        Op::Receive => &mut self.waiting,
                        Op::Send => &mut self.frames,
                    };
                    // There are as many places as slots.
                    let _ = places.push_back((slot, packet));
                }
                _ => self.strayed = true,
            }
        }
    }

    fn sent(&self, slot: SlotId, packet: Packet) -> Sent {
        let mut start = [0; START];
        molt_net::get(self.region, packet.offset, &mut start);
        if let Some(header) = start.first_chunk_mut::<HEADER>() {
            let (offload, _) = Offload::from_bytes(*header);
            // A count of buffers is not for senders (5.1.6.2.1).
            *header = offload.to_bytes(0);
        }
        Sent {
            slot,
            packet,
            start,
            route: None,
            segments: 0,
        }
    }

    /// Physical address and bytes of what is behind a frame's start.
    pub(crate) fn rest(&self, sent: &Sent) -> (u64, u32) {
        let start = START as u32;
        let address = self.physical + sent.packet.offset + u64::from(start);
        (address, sent.packet.len.saturating_sub(start))
    }

    /// The frame's first bytes with virtio's header, which is empty: nothing is left to be done on what goes to the device. As
    /// far as the switch has looked at them they are those that it has seen.
    pub(crate) fn headers(&self, sent: &Sent) -> Vec<u8, LONG_START> {
        let mut headers = Vec::new();
        // There is room for as many.
        let _ = headers.resize(LONG_START.min(sent.packet.len as usize), 0);
        molt_net::get(self.region, sent.packet.offset, &mut headers);
        for (to, from) in headers.iter_mut().zip(sent.start()) {
            *to = *from;
        }
        for byte in headers.iter_mut().take(HEADER) {
            *byte = 0;
        }
        headers
    }

    /// Sum, physical address and bytes of a part of the frame.
    pub(crate) fn payload(&self, sent: &Sent, part: Range<usize>) -> (Sum, (u64, u32)) {
        let offset = sent.packet.offset + (HEADER + part.start) as u64;
        let sum = Sum::of_region(self.region, offset, part.len());
        (sum, (self.physical + offset, part.len() as u32))
    }

    /// Stores a frame of another client, whose region is `from`. Returns whether there was room.
    pub(crate) fn pass(&mut self, sent: &Sent, from: &[AtomicU64]) -> bool {
        self.receive(sent.packet.len as usize, |region, at| {
            let (start, rest) = (START as u64, sent.packet.len.saturating_sub(START as u32));
            molt_net::put(region, at, sent.start());
            let from = (from, sent.packet.offset + start);
            molt_net::copy(from, (region, at + start), rest as usize);
        })
    }

    /// The region in which its buffers are.
    pub(crate) fn region(&self) -> &'a [AtomicU64] {
        self.region
    }

    /// Whether there is room for a frame that is `len` bytes long with its header.
    pub(crate) fn room(&mut self, len: usize) -> Room {
        if self.waiting.is_empty() {
            self.take();
        }
        let Some((_, packet)) = self.waiting.front() else {
            return match self.deaf || self.strayed {
                true => Room::Never,
                false => Room::Later,
            };
        };
        self.deaf = false;
        match len <= packet.len as usize {
            true => Room::Now,
            false => Room::Never,
        }
    }

    /// No frame waits for this client until it has room again.
    pub(crate) fn set_deaf(&mut self) {
        self.deaf = true;
    }

    /// Stores a frame that is `len` bytes long with its header: `fill` gets the region and the place. Returns whether there was
    /// room: a receive buffer, and the frame fits into it.
    pub(crate) fn receive(&mut self, len: usize, fill: impl FnOnce(&[AtomicU64], u64)) -> bool {
        if self.room(len) != Room::Now {
            return false;
        }
        let Some((slot, packet)) = self.waiting.pop_front() else {
            return false;
        };
        fill(self.region, packet.offset);
        // The slot comes from this client's own queue.
        let completed = self.queue.complete(slot, Answer::Received(len as u32));
        completed.is_ok()
    }
}
