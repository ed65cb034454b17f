// SPDX-License-Identifier: BSD-2-Clause
//! The guest's network card: a virtio network device (virtio 1.2, 5.1) with one pair of queues and a control queue.
//!
//! A frame that the guest sends is first copied as a whole into the queue's region, and the guest gets its buffers back at
//! once. While the queue to the driver is closed (technique `hold`), frames stay in the guest's virtqueue. A frame that was
//! passed on and not answered when a generation ends counts as dropped: it may have been sent, and must not be sent twice.
//!
//! The region's receive buffers are always with the present driver. A frame for which the guest has no buffer is dropped and
//! counted, as by any card. With the technique `unplug` the guest sees its link go down and up ([`Carrier`]). After a swap the card asks its guest for gratuitous packets (GUEST_ANNOUNCE), from which the
//! new generation's switch learns the guest's address.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::AtomicU64;

use molt_net::{
    Answer, BUFFER, Buffers, HEADER, HEADERS, Offload, Op, Packet, Properties, Segments, get, put,
};

use crate::bus::{Device, World};
use crate::ram::Ram;
use crate::syndrome::Width;
use crate::virtio::link::Link;
use crate::virtio::mmio::{self, CONFIGURATION, Effect, Transport};
use crate::virtio::net_carrier::Carrier;
use crate::virtio::net_control::{Ask, Control};
use crate::virtio::net_features as feature;
use crate::virtio::net_receive::{Scattered, scatter, segment};
use crate::virtio::queue::Chain;

const NETWORK_CARD: u32 = 1;
const RECEIVE: usize = 0;
const TRANSMIT: usize = 1;
const CONTROL: usize = 2;
/// Where the guest reads the field `status` of the configuration (5.1.4).
const STATUS: core::ops::Range<u64> = 0x106..0x108;
/// Descriptors of a queue: a burst of frames has room, as after a blackout.
const QUEUE_SIZE: u16 = 256;
/// Ethernet's header.
const ETHERNET: usize = 14;
/// Slots of the queue to the driver.
const SLOTS: usize = molt_queue::layout::SLOTS;

/// Frames, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Passed on for the guest.
    pub sent: u64,
    /// Given to the guest.
    pub received: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// From the guest: malformed, or not sent because a generation or the driver's service ended.
    pub lost: u64,
    /// For the guest: it had no buffer, or has not agreed to take such a frame.
    pub no_room: u64,
    /// For the guest: not for its addresses, modes and VLANs.
    pub filtered: u64,
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            received,
            bytes,
            lost,
            no_room,
            filtered,
        } = self;
        write!(
            f,
            "network: {sent} frames sent, {received} received, {bytes} bytes; {lost} lost when sent, {no_room} without room, {filtered} filtered"
        )
    }
}

impl Frames {
    const fn passed(self) -> u64 {
        self.sent + self.received
    }
}

/// A virtio network device.
pub struct Net<'a> {
    transport: Transport<'a, 3>,
    link: Link<'a, Packet>,
    region: &'a [AtomicU64],
    buffers: Buffers,
    /// Bit n: buffer n for sending is free.
    free: u64,
    /// By the queue's slot: op and number of the buffer.
    uses: [(Op, u8); SLOTS],
    properties: Properties,
    carrier: Carrier,
    control: Control,
    /// The driver has been replaced: whoever learned the guest's address behind it has to learn it anew.
    announce: bool,
    /// The receive buffers have been submitted.
    posted: bool,
    frames: Frames,
    chain: Chain,
    /// The frame that is dealt with, behind its header: no guest and no driver writes here.
    frame: Vec<u8>,
}

impl<'a> Net<'a> {
    /// A card over a link whose region is `region`. `page`: see [`Transport::new`].
    #[must_use]
    pub fn new(link: Link<'a, Packet>, region: &'a [AtomicU64], page: &'a [AtomicU64]) -> Self {
        let buffers = Buffers::of(size_of_val(region));
        Self {
            transport: Transport::new(NETWORK_CARD, page).with_queue_size(QUEUE_SIZE),
            link,
            region,
            buffers,
            free: (1 << buffers.each()) - 1,
            uses: [(Op::Receive, 0); SLOTS],
            properties: Properties::default(),
            carrier: Carrier::default(),
            control: Control::default(),
            announce: false,
            posted: false,
            frames: Frames::default(),
            chain: Chain::default(),
            frame: vec![0; BUFFER],
        }
    }

    /// With the technique `unplug`, if `unplugged`. It needs the guest's reads of the configuration: there must be no page
    /// with the registers.
    #[must_use]
    pub const fn unplugged(mut self, unplugged: bool) -> Self {
        self.carrier.unplugs = unplugged;
        self
    }

    /// The counters.
    #[must_use]
    pub const fn frames(&self) -> Frames {
        self.frames
    }

    fn features(&self) -> u64 {
        self.transport.features()
    }

    fn configuration(&self) -> [u8; CONFIGURATION] {
        let mut bytes = [0; CONFIGURATION];
        let up = self.carrier.is_up();
        // Over a link that is down nobody can be told.
        let status = u16::from(up) | u16::from(up && self.announce) << 1;
        let pairs = 1_u16;
        let fields = (self.control.mac().into_iter())
            .chain(status.to_le_bytes())
            .chain(pairs.to_le_bytes());
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = from;
        }
        bytes
    }

    /// Passes on what the guest sends, while there is room.
    fn transmit(&mut self, world: &mut World<'_>) {
        let ram = world.ram;
        let mut submitted = false;
        while self.link.takes() && (self.free != 0 || self.link.client().has_failed()) {
            let Some(queue) = self.transport.queue(TRANSMIT) else {
                break;
            };
            match queue.pop(ram, &mut self.chain) {
                Ok(true) => {}
                Ok(false) => match queue.enable_notification(ram) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(_) => return self.transport.needs_reset(),
                },
                Err(_) => return self.transport.needs_reset(),
            }
            let head = self.chain.head;
            match self.pass_on(ram) {
                Some(()) => submitted = true,
                None => self.frames.lost += 1,
            }
            let queue = self.transport.queue(TRANSMIT);
            if queue.is_none_or(|queue| queue.push(ram, head, 0).is_err()) {
                return self.transport.needs_reset();
            }
        }
        self.signal(TRANSMIT, ram);
        if submitted {
            self.link.tell(world);
        }
    }

    /// Submits the frame in the chain. `None`: it is none, or there is nobody to send it.
    fn pass_on(&mut self, ram: &Ram) -> Option<()> {
        let len = gather(&self.chain, ram, &mut self.frame)?;
        let (header, frame) = self
            .frame
            .get_mut(..len)?
            .split_first_chunk_mut::<HEADER>()?;
        let (offload, _) = Offload::from_bytes(*header);
        if frame.len() < ETHERNET || !offload.fits(frame.len()) {
            return None;
        }
        if !feature::sends(self.transport.features(), &offload) {
            return None;
        }
        *header = offload.to_bytes(0);
        let bytes = frame.len() as u64;
        let number = self.free.trailing_zeros() as usize;
        let mut packet = self.buffers.packet(Op::Send, number)?;
        if !self.link.client().is_open() {
            return None;
        }
        put(self.region, packet.offset, self.frame.get(..len)?);
        packet.len = len as u32;
        let token = self.link.client().submit(&packet).ok()?;
        self.free &= !(1 << number);
        self.note(token.slot(), Op::Send, number);
        self.frames.sent += 1;
        self.frames.bytes += bytes;
        Some(())
    }

    fn note(&mut self, slot: usize, op: Op, number: usize) {
        if let Some(place) = self.uses.get_mut(slot) {
            *place = (op, number as u8);
        }
    }

    /// Takes the driver's answers.
    fn take(&mut self, world: &mut World<'_>) {
        let mut submitted = false;
        while let Some((token, answer)) = self.link.next_answer() {
            let Some(&(op, number)) = self.uses.get(token.slot()) else {
                continue;
            };
            let number = usize::from(number);
            if op == Op::Send {
                self.free |= 1 << number;
                self.frames.lost += u64::from(answer != Answer::Sent);
                continue;
            }
            if let Answer::Received(len) = answer {
                self.deliver(world.ram, number, len as usize);
            }
            submitted |= self.post(number).is_some();
        }
        self.signal(RECEIVE, world.ram);
        if submitted {
            self.link.tell(world);
        }
    }

    /// Gives the driver a receive buffer.
    fn post(&mut self, number: usize) -> Option<()> {
        if self.link.client().has_failed() {
            return None;
        }
        let packet = self.buffers.packet(Op::Receive, number)?;
        let token = self.link.client().submit(&packet).ok()?;
        self.note(token.slot(), Op::Receive, number);
        Some(())
    }

    /// Gives the guest the frame in receive buffer `number`.
    fn deliver(&mut self, ram: &Ram, number: usize, len: usize) {
        let Some(packet) = self.buffers.packet(Op::Receive, number) else {
            return;
        };
        let Some(whole) = self.frame.get_mut(..len) else {
            return;
        };
        get(self.region, packet.offset, whole);
        let Some((header, frame)) = whole.split_first_chunk_mut::<HEADER>() else {
            return;
        };
        let (mut offload, _) = Offload::from_bytes(*header);
        if frame.len() < ETHERNET || !offload.fits(frame.len()) {
            self.frames.no_room += 1;
            return;
        }
        if !self.control.accepts(frame) {
            self.frames.filtered += 1;
            return;
        }
        let features = self.transport.features();
        if offload.is_long() && !feature::receives(features, &offload) {
            return self.deliver_segments(ram, &offload, len);
        }
        if features & feature::GUEST_CSUM == 0 {
            offload.complete(frame);
            offload.flags = 0;
        }
        *header = offload.to_bytes(1);
        let frame = core::mem::take(&mut self.frame);
        self.give(ram, frame.get(..len).unwrap_or_default());
        self.frame = frame;
    }

    /// Gives the guest the frame of `len` bytes with its header in segments, as it has not agreed to take it whole.
    fn deliver_segments(&mut self, ram: &Ram, offload: &Offload, len: usize) {
        let frame = core::mem::take(&mut self.frame);
        let bytes = frame.get(HEADER..len).unwrap_or_default();
        let start = bytes.get(..HEADERS.min(bytes.len())).unwrap_or_default();
        match Segments::of(start, bytes.len(), offload) {
            Some(segments) => (0..segments.count())
                .filter_map(|n| segment(&segments, n, bytes))
                .for_each(|segment| self.give(ram, &segment)),
            None => self.frames.no_room += 1,
        }
        self.frame = frame;
    }

    /// Gives the guest a frame with its header.
    fn give(&mut self, ram: &Ram, frame: &[u8]) {
        let merges = self.transport.features() & feature::MRG_RXBUF != 0;
        let Some(queue) = self.transport.queue(RECEIVE) else {
            self.frames.no_room += 1;
            return;
        };
        // Until all of the frame has a place, nothing is taken.
        let before = queue.clone();
        match scatter(queue, ram, &mut self.chain, frame, merges) {
            Scattered::Done => {
                self.frames.received += 1;
                self.frames.bytes += frame.len().saturating_sub(HEADER) as u64;
            }
            Scattered::NoRoom => {
                *queue = before;
                self.frames.no_room += 1;
            }
            Scattered::Broken => self.transport.needs_reset(),
        }
    }

    /// Carries out the guest's commands.
    fn command(&mut self, ram: &Ram) {
        while let Some(queue) = self.transport.queue(CONTROL) {
            match queue.pop(ram, &mut self.chain) {
                Ok(true) => {}
                Ok(false) => match queue.enable_notification(ram) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(_) => return self.transport.needs_reset(),
                },
                Err(_) => return self.transport.needs_reset(),
            }
            let head = self.chain.head;
            let place = self
                .chain
                .last()
                .filter(|last| last.write && last.length > 0);
            let len = gather(&self.chain, ram, &mut self.frame).unwrap_or(0);
            let asked = self.frame.get(..len).unwrap_or_default();
            let (answer, ask) = self.control.run(asked);
            if ask == Some(Ask::Announced) {
                self.announce = false;
            }
            if ask.is_some() {
                self.reconfigure();
            }
            let stored = place.and_then(|place| ram.store_u8(place.address, answer));
            let queue = self.transport.queue(CONTROL);
            let pushed = queue.is_none_or(|queue| queue.push(ram, head, 1).is_ok());
            if stored.is_none() || !pushed {
                return self.transport.needs_reset();
            }
        }
        self.signal(CONTROL, ram);
    }

    fn signal(&mut self, n: usize, ram: &Ram) {
        let queue = self.transport.queue(n);
        match queue.map(|queue| queue.wants_interrupt(ram)) {
            Some(Ok(true)) => self.transport.signal(),
            Some(Err(_)) => self.transport.needs_reset(),
            Some(Ok(false)) | None => {}
        }
    }

    /// The device was reset. Frames that were passed on are sent; none of the guest's memory is in use.
    fn begin_life(&mut self) {
        self.control = Control::new(self.properties.mac);
        self.announce = false;
        self.carrier.reset();
        self.reconfigure();
    }

    /// Shows the guest the configuration as it is now.
    fn reconfigure(&mut self) {
        let configuration = self.configuration();
        self.transport.configure(configuration);
    }

    /// Follows the gate and the link's state.
    fn follow(&mut self, world: &mut World<'_>) {
        let was_open = self.link.client().is_open();
        let mut ended = false;
        if !self.link.follow_with(world, |client| {
            ended = true;
            // Frames that were passed on may have been sent; they are not sent again.
            let is_send = |packet: &Packet| packet.op == Op::Send;
            while let Some(token) = client.withdraw(is_send) {
                if let Some((_, number)) = self.uses.get(token.slot()) {
                    self.free |= 1 << *number;
                    self.frames.lost += 1;
                }
            }
        }) {
            return;
        }
        let is_open = self.link.client().is_open();
        if ended {
            self.carrier.gone(self.transport.is_live());
        }
        if is_open {
            self.carrier.back();
        }
        if is_open && !was_open {
            if !self.posted {
                self.posted = true;
                for number in 0..self.buffers.each() {
                    self.post(number);
                }
                self.link.tell(world);
            } else if self.features() & feature::GUEST_ANNOUNCE != 0 {
                self.announce = true;
            }
        }
        self.reconfigure();
    }

    fn follow_properties(&mut self) {
        let Some(properties) = self.link.client().properties() else {
            return;
        };
        if properties.link != self.carrier.link {
            self.carrier.link = properties.link;
            self.reconfigure();
        }
    }
}

impl Device for Net<'_> {
    fn size(&self) -> u64 {
        mmio::SIZE
    }

    fn read(&mut self, offset: u64, width: Width) -> u64 {
        let value = self.transport.read(offset, width);
        if offset < STATUS.end && STATUS.start < offset + width as u64 {
            self.carrier.looked();
            self.reconfigure();
        }
        value
    }

    fn ignores_value(&self, offset: u64) -> bool {
        self.transport.ignores_value(offset)
    }

    fn write(&mut self, offset: u64, width: Width, value: u64, world: &mut World<'_>) {
        match self.transport.write(offset, width, value, world.ram) {
            Effect::Nothing => {}
            Effect::Notify => self.poll(world),
            Effect::Reset => self.begin_life(),
        }
    }

    fn interrupt(&self) -> bool {
        self.transport.interrupt()
    }

    fn poll(&mut self, world: &mut World<'_>) {
        // Takes what the old generation answered before it was stopped. The region stays mapped until the change of the
        // gate is acknowledged.
        let before = self.frames.passed();
        self.take(world);
        self.follow(world);
        self.take(world);
        self.follow_properties();
        self.command(world.ram);
        self.transmit(world);
        world.counters.requests += self.frames.passed() - before;
        // Receive buffers are always owed, so only frames that wait to be sent are counted.
        let busy = self.buffers.each() - self.free.count_ones() as usize;
        self.link.account(busy, world);
    }

    fn account(&self) -> Option<&dyn fmt::Display> {
        Some(&self.frames)
    }

    fn reset(&mut self, _: &mut World<'_>) {
        self.transport.reset();
        self.begin_life();
    }

    fn pauses(&mut self) -> bool {
        self.link.pauses()
    }

    fn is_ready(&mut self) -> bool {
        let properties = self.link.client().properties();
        if let Some(properties) = properties {
            self.properties = properties;
            self.carrier.link = properties.link;
            self.control = Control::new(properties.mac);
            let configuration = self.configuration();
            self.transport
                .offer(feature::offered(&properties), configuration);
        }
        properties.is_some() || self.link.client().has_failed()
    }
}

/// Copies the readable part of a chain. `None`: it does not fit, or lies outside the memory.
fn gather(chain: &Chain, ram: &Ram, to: &mut [u8]) -> Option<usize> {
    if chain.is_too_long() {
        return None;
    }
    let mut at = 0;
    for buffer in chain.buffers.iter().take(chain.readable) {
        let end = at + buffer.length as usize;
        ram.read(buffer.address, to.get_mut(at..end)?)?;
        at = end;
    }
    Some(at)
}
