// SPDX-License-Identifier: BSD-2-Clause
//! The guest's network card with a guest's driver in the test, register by register and descriptor by descriptor.

mod common;

use std::sync::atomic::AtomicU64;

use common::{BASE, Fake, SIZE, words};
use molt_gate::{ClientGate, Warden};
use molt_net::{Answer, Client, HEADER, Offload, Op, Packet, Properties, Server, get, put};
use molt_queue::SlotId;
use molt_shared::Memory;
use molt_vmm::virtio::link::Link;
use molt_vmm::virtio::net::Net;
use molt_vmm::{Counters, Device, Ram, Width, World};
use proptest::prelude::*;

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const REGION: usize = 0x20_0000;
const QUEUE: u64 = 0x1000;
const QUEUE_SIZE: u16 = 32;
const BUFFERS: u64 = BASE + 0x1_0000;

const CSUM: u64 = 1;
const GUEST_CSUM: u64 = 1 << 1;
const GUEST_TSO4: u64 = 1 << 7;
const HOST_TSO4: u64 = 1 << 11;
const MRG_RXBUF: u64 = 1 << 15;
const CTRL_VQ: u64 = 1 << 17;
const ANNOUNCE: u64 = 1 << 21;
const VERSION_1: u64 = 1 << 32;
const USUAL: u64 = CSUM | GUEST_CSUM | GUEST_TSO4 | HOST_TSO4 | MRG_RXBUF | CTRL_VQ | ANNOUNCE;

struct Rig {
    net: Net<'static>,
    fake: Fake,
    counters: Counters,
    ram: Ram,
    memory: Memory,
    warden: Warden<'static>,
    region: &'static [AtomicU64],
    server: Server<'static>,
    generation: u64,
    taken: Vec<(SlotId, Packet)>,
    available: [u16; 3],
    used: [u16; 3],
}

impl Rig {
    fn new(features: u64) -> Self {
        let (to_client, to_update) = (words(512), words(512));
        let (region, guest) = (words(REGION / 8), words(SIZE / 8));
        let memory = Memory::of(guest);
        let gate = ClientGate::new(to_client, to_update, 0);
        let link = Link::new(Client::new(region), gate, 0);
        let mut rig = Self {
            net: Net::new(link, region, &[]),
            fake: Fake::default(),
            ram: Ram::new(memory, BASE),
            memory,
            warden: Warden::new(to_client, to_update),
            region,
            server: Server::new(region, 0),
            counters: Counters::default(),
            generation: 0,
            taken: Vec::new(),
            available: [0; 3],
            used: [0; 3],
        };
        assert!(!rig.net.is_ready(), "not before its driver is there");
        rig.open(true);
        assert!(rig.net.is_ready());
        rig.start(features);
        rig
    }

    fn with(&mut self, work: impl FnOnce(&mut Net<'static>, &mut World<'_>)) {
        let mut world = World {
            ram: &self.ram,
            platform: &mut self.fake,
            counters: &mut self.counters,
        };
        work(&mut self.net, &mut world);
    }

    fn poll(&mut self) {
        self.with(|net, world| net.poll(world));
    }

    fn open(&mut self, link: bool) {
        self.warden.open(0, self.generation);
        self.poll();
        assert!(self.warden.acknowledged(0));
        self.server = Server::new(self.region, self.generation);
        self.generation += 1;
        self.publish(link);
        self.take();
    }

    fn publish(&mut self, link: bool) {
        self.server.publish(&Properties {
            mac: OWN,
            link,
            checksum: true,
            tcp4: true,
            tcp6: true,
        });
    }

    fn close(&mut self) {
        self.warden.close(0);
        self.poll();
        assert!(self.warden.acknowledged(0));
        self.taken.clear();
        // The ring is spoilt meanwhile.
        for word in self.region.iter().take(4096) {
            word.store(0xdead_beef, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// What the driver is asked for.
    fn take(&mut self) {
        let mut packet = Packet::default();
        while let Some(slot) = self.server.take(&mut packet) {
            let slot = slot.expect("the VMM keeps to the protocol");
            self.taken.push((slot, packet));
        }
    }

    fn asked(&self, op: Op) -> usize {
        self.taken
            .iter()
            .filter(|(_, packet)| packet.op == op)
            .count()
    }

    /// The driver sends the oldest frame: header and frame.
    fn send(&mut self) -> Option<Vec<u8>> {
        self.take();
        let at = self.taken.iter().position(|(_, p)| p.op == Op::Send)?;
        let (slot, packet) = self.taken.remove(at);
        let mut bytes = vec![0; packet.len as usize];
        get(self.region, packet.offset, &mut bytes);
        self.server.complete(slot, Answer::Sent).unwrap();
        self.poll();
        Some(bytes)
    }

    /// The driver has received a frame.
    fn receive(&mut self, offload: Offload, frame: &[u8]) {
        self.take();
        let at = self.taken.iter().position(|(_, p)| p.op == Op::Receive);
        let (slot, packet) = self.taken.remove(at.expect("a receive buffer"));
        let bytes = [offload.to_bytes(0).as_slice(), frame].concat();
        put(self.region, packet.offset, &bytes);
        let answer = Answer::Received(bytes.len() as u32);
        self.server.complete(slot, answer).unwrap();
        self.poll();
    }

    fn set(&mut self, register: u64, value: u32) {
        self.with(|net, world| net.write(register, Width::Word, value.into(), world));
    }

    fn start(&mut self, features: u64) {
        self.set(0x70, 3);
        let features = features | VERSION_1;
        for half in 0..2 {
            self.set(0x24, half);
            self.set(0x20, (features >> (32 * half)) as u32);
        }
        self.set(0x70, 11);
        assert_eq!(
            self.net.read(0x70, Width::Word),
            11,
            "features are agreed on"
        );
        for n in 0..3 {
            let at = BASE + QUEUE * n;
            self.set(0x30, n as u32);
            self.set(0x38, QUEUE_SIZE.into());
            for (register, place) in [(0x80, at), (0x90, at + 0x400), (0xa0, at + 0x800)] {
                self.set(register, place as u32);
                self.set(register + 4, 0);
            }
            self.set(0x44, 1);
        }
        self.set(0x70, 15);
        assert_eq!(self.net.read(0x70, Width::Word), 15);
    }

    /// Puts one chain of (address, length, writable) into queue `n`.
    fn put(&mut self, n: usize, first: u16, chain: &[(u64, u32, bool)]) {
        let at = QUEUE as usize * n;
        for (index, (address, length, write)) in chain.iter().enumerate() {
            let place = at + 16 * (usize::from(first) + index);
            let more = index + 1 < chain.len();
            let flags = u16::from(more) | u16::from(*write) << 1;
            self.memory.store_u64(place, *address).unwrap();
            self.memory.store_u32(place + 8, *length).unwrap();
            self.memory.store_u16(place + 12, flags).unwrap();
            let next = first + index as u16 + 1;
            self.memory.store_u16(place + 14, next).unwrap();
        }
        let slot = usize::from(self.available[n] % QUEUE_SIZE);
        self.memory.store_u16(at + 0x404 + 2 * slot, first).unwrap();
        self.available[n] += 1;
        self.memory
            .store_u16(at + 0x402, self.available[n])
            .unwrap();
    }

    /// Head and written bytes of the next chain that was handed back.
    fn used(&mut self, n: usize) -> Option<(u32, u32)> {
        let at = QUEUE as usize * n + 0x800;
        if self.memory.load_u16(at + 2).unwrap() == self.used[n] {
            return None;
        }
        let element = at + 4 + 8 * usize::from(self.used[n] % QUEUE_SIZE);
        self.used[n] += 1;
        let load = |at| self.memory.load_u32(at).unwrap();
        Some((load(element), load(element + 4)))
    }

    fn write_guest(&self, address: u64, bytes: &[u8]) {
        self.memory.write((address - BASE) as usize, bytes).unwrap();
    }

    fn read_guest(&self, address: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory
            .read((address - BASE) as usize, &mut bytes)
            .unwrap();
        bytes
    }

    /// The guest sends header and frame from one buffer.
    fn guest_sends(&mut self, first: u16, offload: Offload, frame: &[u8]) {
        let at = BUFFERS + 0x800 * u64::from(first);
        let bytes = [offload.to_bytes(0).as_slice(), frame].concat();
        self.write_guest(at, &bytes);
        self.put(1, first, &[(at, bytes.len() as u32, false)]);
        self.set(0x50, 1);
    }
}

fn frame(destination: [u8; 6], len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|n| (n * 3) as u8).collect();
    frame[..6].copy_from_slice(&destination);
    frame[6..12].copy_from_slice(&OWN);
    frame[12..14].copy_from_slice(&[8, 0]);
    frame
}

const TCP4: Offload = Offload {
    flags: Offload::NEEDS_CHECKSUM,
    gso_type: Offload::TCP4,
    header_len: 54,
    gso_size: 1000,
    checksum_start: 34,
    checksum_offset: 16,
};

#[test]
fn what_the_guest_sends_arrives_and_its_buffer_is_back_at_once() {
    let mut rig = Rig::new(USUAL);
    assert_eq!(
        rig.asked(Op::Receive),
        15,
        "receive buffers are the driver's"
    );
    let sent = frame([0xff; 6], 60);
    rig.guest_sends(0, Offload::default(), &sent);
    assert_eq!(rig.used(1), Some((0, 0)));
    let bytes = rig.send().unwrap();
    assert_eq!(bytes[HEADER..], sent);
    assert_eq!(rig.send(), None);
    let long = frame([0xff; 6], 1700);
    rig.guest_sends(1, TCP4, &long);
    let bytes = rig.send().unwrap();
    assert_eq!(bytes[..HEADER], TCP4.to_bytes(0));
    assert_eq!(bytes[HEADER..], long);
    assert_eq!(rig.net.frames().sent, 2);
}

#[test]
fn frames_wait_in_the_guests_queue_where_there_is_no_room() {
    let mut rig = Rig::new(USUAL);
    for n in 0..20 {
        rig.guest_sends(
            n,
            Offload::default(),
            &frame([0xff; 6], 60 + usize::from(n)),
        );
    }
    let handed_back = (0..32).take_while(|_| rig.used(1).is_some()).count();
    assert_eq!(handed_back, 15, "as many as the region has buffers");
    for n in 0..20 {
        assert_eq!(rig.send().unwrap().len(), HEADER + 60 + n);
    }
    assert_eq!(rig.net.frames().lost, 0);
}

#[test]
fn over_a_change_of_generations_no_frame_is_sent_twice_and_none_that_waits_is_lost() {
    let mut rig = Rig::new(USUAL);
    for n in 0..3 {
        rig.guest_sends(
            n,
            Offload::default(),
            &frame([0xff; 6], 60 + usize::from(n)),
        );
    }
    assert_eq!(rig.send().unwrap().len(), HEADER + 60);
    rig.close();
    assert_eq!(rig.net.frames().lost, 2, "they may have been sent");
    rig.guest_sends(3, Offload::default(), &frame([0xff; 6], 63));
    rig.open(true);
    assert_eq!(rig.asked(Op::Receive), 15, "each receive buffer once");
    assert_eq!(
        rig.send().unwrap().len(),
        HEADER + 63,
        "it waited in the guest's queue"
    );
    assert_eq!(rig.send(), None);
    let back: Vec<u32> = (0..9)
        .map_while(|_| rig.used(1))
        .map(|(head, _)| head)
        .collect();
    assert_eq!(back, [0, 1, 2, 3], "each buffer is handed back once");
    let status = rig.net.read(0x106, Width::Half);
    assert_eq!(
        status, 3,
        "link up all along, and gratuitous packets asked for"
    );
    rig.write_guest(BUFFERS, &[3, 0]);
    rig.put(2, 0, &[(BUFFERS, 2, false), (BUFFERS + 8, 1, true)]);
    rig.set(0x50, 2);
    assert_eq!(rig.read_guest(BUFFERS + 8, 1), [0]);
    assert_eq!(rig.net.read(0x106, Width::Half), 1);
}

#[test]
fn a_frame_for_the_guest_fills_as_many_buffers_as_it_needs() {
    let mut rig = Rig::new(USUAL);
    for n in 0..4 {
        rig.put(0, n, &[(BUFFERS + 0x400 * u64::from(n), 0x400, true)]);
    }
    let long = frame(OWN, 2500);
    rig.receive(TCP4, &long);
    assert_eq!(rig.used(0), Some((0, 0x400)));
    assert_eq!(rig.used(0), Some((1, 0x400)));
    assert_eq!(rig.used(0), Some((2, HEADER as u32 + 2500 - 0x800)));
    assert_eq!(rig.used(0), None);
    let all = rig.read_guest(BUFFERS, HEADER + 2500);
    assert_eq!(all[..HEADER], TCP4.to_bytes(3));
    assert_eq!(all[HEADER..], long);
    // One buffer is left, and the next frame needs two: nothing is taken.
    rig.receive(TCP4, &frame(OWN, 1500));
    assert_eq!((rig.used(0), rig.net.frames().no_room), (None, 1));
    rig.receive(Offload::default(), &frame(OWN, 60));
    assert_eq!(rig.used(0), Some((3, HEADER as u32 + 60)));
    rig.take();
    assert_eq!(
        rig.asked(Op::Receive),
        15,
        "each receive buffer is the driver's again"
    );
}

#[test]
fn a_long_frame_is_cut_for_a_guest_that_has_not_agreed_to_take_it() {
    let mut rig = Rig::new(MRG_RXBUF);
    for n in 0..4 {
        rig.put(0, n, &[(BUFFERS + 0x800 * u64::from(n), 0x800, true)]);
    }
    let mut long = frame(OWN, 54 + 2500);
    (long[14], long[34 + 12]) = (0x45, 5 << 4);
    rig.receive(TCP4, &long);
    let mut payload = Vec::new();
    for (n, len) in [1000, 1000, 500].into_iter().enumerate() {
        let written = (HEADER + 54 + len) as u32;
        assert_eq!(rig.used(0), Some((n as u32, written)));
        let bytes = rig.read_guest(BUFFERS + 0x800 * n as u64, written as usize);
        assert_eq!(bytes[..HEADER], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        payload.extend_from_slice(&bytes[HEADER + 54..]);
    }
    assert_eq!(payload, long[54..]);
    assert_eq!((rig.used(0), rig.net.frames().received), (None, 3));
}

#[test]
fn what_the_guest_has_not_agreed_to_is_completed() {
    let mut rig = Rig::new(MRG_RXBUF);
    for n in 0..4 {
        rig.put(0, n, &[(BUFFERS + 0x800 * u64::from(n), 0x800, true)]);
    }
    rig.receive(TCP4, &frame(OWN, 1700));
    assert_eq!(rig.net.frames().no_room, 1, "headers that cannot be cut");
    let half_done = Offload {
        gso_type: 0,
        gso_size: 0,
        ..TCP4
    };
    rig.receive(half_done, &frame(OWN, 60));
    assert_eq!(rig.used(0), Some((0, HEADER as u32 + 60)));
    let whole = rig.read_guest(BUFFERS, HEADER + 60);
    assert_eq!(whole[0], 0, "no flag that it does not know");
    let mut expected = frame(OWN, 60);
    half_done.clone().complete(&mut expected);
    assert_eq!(whole[HEADER..], expected, "the checksum is completed");
    rig.guest_sends(0, half_done, &frame([0xff; 6], 60));
    assert_eq!(rig.send(), None, "it has not agreed to leave checksums");
    assert_eq!(rig.net.frames().lost, 1);
}

#[test]
fn the_link_goes_down_and_up() {
    let mut rig = Rig::new(USUAL);
    assert_eq!(rig.net.read(0x106, Width::Half), 1);
    let generation = rig.net.read(0xfc, Width::Word);
    rig.publish(false);
    rig.poll();
    assert_eq!(rig.net.read(0x106, Width::Half), 0);
    assert!(rig.net.interrupt() && rig.net.read(0xfc, Width::Word) != generation);
}

#[test]
fn a_queue_that_is_broken_stops_the_card_until_it_is_reset() {
    let mut rig = Rig::new(USUAL);
    rig.put(0, 0, &[(BUFFERS, 0x400, false)]);
    rig.receive(Offload::default(), &frame(OWN, 60));
    assert_eq!(
        rig.net.read(0x70, Width::Word) & 64,
        64,
        "a receive buffer that is read only"
    );
    rig.guest_sends(0, Offload::default(), &frame([0xff; 6], 60));
    assert_eq!(rig.send(), None);
    rig.set(0x70, 0);
    (rig.available, rig.used) = ([0; 3], [0; 3]);
    rig.write_guest(BASE, &[0; 0x3000]);
    rig.start(USUAL);
    rig.guest_sends(0, Offload::default(), &frame([0xff; 6], 60));
    assert!(rig.send().is_some());
}

proptest! {
    /// A hostile guest: whatever stands in its queues and registers, nothing panics, each receive buffer stays with the driver once,
    /// and what reaches the driver is a frame inside a buffer.
    #[test]
    fn whatever_the_guest_does(
        steps in proptest::collection::vec((0_u8..6, any::<u16>(), any::<u32>(), any::<u64>()), 1..120)
    ) {
        let mut rig = Rig::new(USUAL);
        for (what, small, word, long) in steps {
            match what {
                0 => rig.set(u64::from(small % 0x140) & !3, word),
                1 => {
                    let at = (usize::from(small) % 0x3000) & !7;
                    rig.memory.store_u64(at, long).unwrap();
                }
                2 => {
                    let address = BUFFERS.wrapping_add(long % 0x8_0000);
                    let chain = [(address, word % 0x1_2000, small & 1 == 1)];
                    rig.put(usize::from(small) % 3, small % QUEUE_SIZE, &chain);
                    rig.set(0x50, word % 3);
                }
                3 => rig.receive(TCP4, &frame(OWN, 14 + usize::from(small) % 9000)),
                4 => {
                    if let Some(bytes) = rig.send() {
                        prop_assert!(bytes.len() >= HEADER + 14);
                    }
                }
                _ => {
                    rig.close();
                    rig.open(small & 1 == 1);
                }
            }
            rig.take();
            prop_assert_eq!(rig.asked(Op::Receive), 15);
        }
    }
}

/// The guest's view of its link: the field `status`, which it reads when it is told of a change.
impl Rig {
    const UP: u64 = 1;
    const CONFIGURATION_CHANGE: u64 = 2;

    fn unplugged(features: u64) -> Self {
        let mut rig = Self::new(features);
        rig.net = rig.net.unplugged(true);
        rig
    }

    fn is_told(&mut self) -> bool {
        let told = self.net.read(0x60, Width::Word) & Self::CONFIGURATION_CHANGE != 0;
        self.set(0x64, Self::CONFIGURATION_CHANGE as u32);
        told
    }

    fn status(&mut self) -> u64 {
        self.net.read(0x106, Width::Half)
    }

    /// What the guest sees, as Linux does: it reads when it is told, and notes a state that is another than the last.
    fn note(&mut self, link: &mut Vec<bool>) {
        while self.is_told() {
            let up = self.status() & Self::UP != 0;
            if link.last() != Some(&up) {
                link.push(up);
            }
        }
    }
}

#[test]
fn without_unplug_the_link_stays_up() {
    let mut rig = Rig::new(USUAL & !ANNOUNCE);
    let mut link = vec![true];
    rig.note(&mut link);
    rig.close();
    rig.note(&mut link);
    rig.open(true);
    rig.note(&mut link);
    assert_eq!(link, [true]);
}

#[test]
fn an_unplugged_link_goes_down_once_and_up_once() {
    let mut rig = Rig::unplugged(USUAL);
    let mut link = vec![true];
    for _ in 0..3 {
        rig.close();
        rig.note(&mut link);
        rig.open(true);
        rig.note(&mut link);
    }
    assert_eq!(link, [true, false, true, false, true, false, true]);
}

/// A swap can be over before the guest's next instruction.
#[test]
fn a_guest_that_looks_late_sees_the_outage_too() {
    let mut rig = Rig::unplugged(USUAL);
    let mut link = vec![true];
    rig.close();
    rig.open(true);
    assert_eq!(rig.status() & Rig::UP, 0, "until the guest has seen it");
    rig.note(&mut link);
    assert_eq!(link, [true], "it is up again");
    rig.close();
    rig.open(true);
    // A gate that was closed and opened before the VMM has looked ends a generation too.
    rig.warden.close(0);
    rig.open(true);
    rig.note(&mut link);
    assert_eq!(
        link,
        [true, false, true],
        "two outages, of which it has seen neither, are one"
    );
}

/// Nothing depends on what the guest has seen but what it is shown.
#[test]
fn frames_go_on_while_the_guest_has_not_seen_that_the_link_was_down() {
    let mut rig = Rig::unplugged(USUAL);
    rig.close();
    rig.guest_sends(0, Offload::default(), &frame([0xff; 6], 60));
    assert_eq!(rig.used(1), None, "it waits");
    rig.open(true);
    assert_eq!(rig.send().unwrap().len(), HEADER + 60);
    assert_eq!(rig.used(1), Some((0, 0)));
    assert_eq!(rig.used(1), None, "handed back once");
}

#[test]
fn a_link_that_is_down_asks_for_no_announcement() {
    let mut rig = Rig::unplugged(USUAL);
    rig.close();
    rig.open(true);
    assert_eq!(rig.status(), 0);
    assert_eq!(rig.status(), 3, "up, and to be announced");
}

#[test]
fn a_guest_whose_driver_starts_anew_is_shown_no_outage_of_before() {
    let mut rig = Rig::unplugged(USUAL);
    rig.close();
    rig.open(true);
    rig.set(0x70, 0);
    rig.start(USUAL);
    assert_eq!(rig.status() & Rig::UP, 1);
    rig.set(0x70, 0);
    rig.close();
    rig.open(true);
    rig.start(USUAL);
    assert_eq!(rig.status() & Rig::UP, 1, "there was nobody to see it");
}

#[test]
fn an_unplugged_link_stays_down_out_of_service() {
    let mut rig = Rig::unplugged(USUAL);
    let mut link = vec![true];
    rig.close();
    rig.note(&mut link);
    rig.warden.out_of_service(0);
    rig.poll();
    rig.note(&mut link);
    assert_eq!(link, [true, false]);
}
