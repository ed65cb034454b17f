// SPDX-License-Identifier: BSD-2-Clause
//! The driver with the fake device and clients, which may misbehave.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use molt_net::{Answer, Buffers, Client as Queue, Op, Packet, Server, get, put};
use molt_queue::{Token, layout};
use molt_shared::Memory;

use crate::fake::{Fake, RING, State};
use crate::{Client, Driver, HEADER, Mac, Nic, Offload, RING_BYTES, Region, Service, Share};

/// Bytes of a client's region, and where that of the first is in physical memory; the others follow.
const REGION: usize = 0x20_0000;
const PHYSICAL: u64 = 0x5000_0000;
const CLIENTS: usize = 3;
pub(super) const ALL: Mac = [0xff; 6];
pub(super) const OUTSIDE: Mac = [2, 0, 0, 0, 0, 0x99];

thread_local! {
    /// The driver's clock, in seconds.
    static NOW: Cell<u64> = const { Cell::new(0) };
}

pub(super) const fn own(client: usize) -> Mac {
    [2, 0, 0, 0, 0, client as u8 + 1]
}

fn words(bytes: usize) -> &'static [AtomicU64] {
    let words: Vec<AtomicU64> = (0..bytes / 8).map(|_| AtomicU64::new(0)).collect();
    words.leak()
}

/// A frame of `len` bytes whose content depends on its length.
pub(super) fn frame(to: Mac, from: Mac, len: usize) -> Vec<u8> {
    let content = (14..len).map(|n| (n * 7 + len) as u8);
    [to.as_slice(), &from, &[8, 0]]
        .concat()
        .into_iter()
        .chain(content)
        .collect()
}

pub(super) struct Rig {
    pub fake: Fake,
    pub ring: &'static [AtomicU64],
    pub regions: [&'static [AtomicU64]; CLIENTS],
    pub clients: [Queue<'static>; CLIENTS],
    pub shares: [Share; CLIENTS],
    pub driver: Driver<'static, Fake>,
}

impl Rig {
    /// Each client has `buffers` receive buffers with the driver.
    pub fn with(
        buffers: usize,
        share: impl Fn(usize) -> Share,
        change: impl Fn(&mut State),
    ) -> Self {
        let ring = words(RING_BYTES);
        let fake = Fake::new(Memory::of(ring));
        change(&mut fake.set());
        let regions = [(); CLIENTS].map(|()| words(REGION));
        fake.set().regions = (regions.into_iter().enumerate())
            .map(|(n, words)| (PHYSICAL + (n * REGION) as u64, words))
            .collect();
        let mut clients = regions.map(Queue::new);
        let shares = std::array::from_fn(share);
        for client in &mut clients {
            client.resume(0);
            for n in 0..buffers {
                let packet = Buffers::of(REGION).packet(Op::Receive, n).unwrap();
                client.submit(&packet).unwrap();
            }
        }
        let driver = start(&fake, ring, &regions, &shares, 0);
        Self {
            fake,
            ring,
            regions,
            clients,
            shares,
            driver,
        }
    }

    pub fn new() -> Self {
        Self::with(15, share, |_| ())
    }

    /// The next generation, after `update` has reset the device; frames that were to be sent are withdrawn, as a VMM does.
    pub fn swap(&mut self) {
        for client in &mut self.clients {
            client.close();
            while client.withdraw(|packet| packet.op == Op::Send).is_some() {}
            client.resume(1);
        }
        self.driver = start(&self.fake, self.ring, &self.regions, &self.shares, 1);
    }

    pub fn submit(&mut self, client: usize, offload: Offload, frame: &[u8]) -> Token {
        let mut packet = Buffers::of(REGION).packet(Op::Send, 0).unwrap();
        // Each frame in a buffer of its own.
        let used = self.clients[client].owed() % 15;
        packet.offset += (molt_net::BUFFER * used) as u64;
        let bytes = [offload.to_bytes(0).as_slice(), frame].concat();
        packet.len = bytes.len() as u32;
        put(self.regions[client], packet.offset, &bytes);
        self.clients[client].submit(&packet).unwrap()
    }

    /// A client sends a frame; the answer, if there is one already.
    pub fn send(&mut self, client: usize, frame: &[u8]) -> Option<Answer> {
        let token = self.submit(client, Offload::default(), frame);
        self.driver.pump().unwrap();
        self.answers(client)
            .into_iter()
            .find_map(|(t, a)| (t == token).then_some(a))
    }

    pub fn answers(&mut self, client: usize) -> Vec<(Token, Answer)> {
        let next = || self.clients[client].poll();
        std::iter::from_fn(next)
            .map(|answer| answer.expect("the driver keeps to the protocol"))
            .collect()
    }

    /// The frames that a client has received since the last call. (The buffers are not given back.)
    pub fn received(&mut self, client: usize) -> Vec<Vec<u8>> {
        let all = self.answers(client).into_iter();
        let frames = all.filter_map(|(token, answer)| match answer {
            Answer::Received(len) => Some((token, len as usize)),
            _ => None,
        });
        // Receive buffers were submitted in order, before all else.
        let buffer =
            |token: Token| Buffers::of(REGION).packet(Op::Receive, token.serial() as usize);
        frames
            .map(|(token, len)| {
                let mut bytes = vec![0; len.next_multiple_of(8)];
                get(
                    self.regions[client],
                    buffer(token).unwrap().offset,
                    &mut bytes,
                );
                bytes[HEADER..len].to_vec()
            })
            .collect()
    }

    /// A frame comes from the outside.
    pub fn deliver(&mut self, frame: &[u8]) {
        assert!(self.fake.set().deliver([0; 10], frame, 1));
        self.driver.pump().unwrap();
    }

    /// What went to the outside.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.fake
            .get()
            .sent
            .iter()
            .map(|(_, frame)| frame.clone())
            .collect()
    }
}

pub(super) fn share(n: usize) -> Share {
    Share {
        mac: own(n),
        pinned: true,
        isolated: false,
    }
}

fn start(
    fake: &Fake,
    ring: &'static [AtomicU64],
    regions: &[&'static [AtomicU64]; CLIENTS],
    shares: &[Share; CLIENTS],
    generation: u64,
) -> Driver<'static, Fake> {
    let device = Nic::start(fake.clone(), None, Region::new(ring, RING)).unwrap();
    let mut driver = Driver::new(device, 32, || NOW.get());
    for (n, (region, share)) in regions.iter().zip(shares).enumerate() {
        let queue = Server::new(region, generation);
        let physical = PHYSICAL + (n * REGION) as u64;
        driver
            .attach(Client::new(queue, region, physical, *share))
            .unwrap();
    }
    assert!(driver.ready().unwrap());
    driver
}

#[test]
fn a_frame_goes_to_the_client_that_it_is_for_and_to_nobody_else() {
    let mut rig = Rig::new();
    for len in [14, 20, 21, 60, 61, 1514] {
        let sent = frame(own(1), own(0), len);
        assert_eq!(rig.send(0, &sent), Some(Answer::Sent));
        assert_eq!(rig.received(1), [sent]);
    }
    assert!(rig.received(2).is_empty() && rig.sent().is_empty());
}

#[test]
fn a_frame_for_the_outside_is_read_where_the_client_has_put_it() {
    let mut rig = Rig::new();
    for len in [14, 20, 21, 60, 1514] {
        let sent = frame(OUTSIDE, own(0), len);
        // Nothing is known of the outside's addresses before it has sent anything.
        rig.deliver(&frame(own(2), OUTSIDE, 60));
        rig.submit(0, Offload::default(), &sent);
        rig.driver.pump().unwrap();
        assert_eq!(rig.sent().last(), Some(&sent), "{len} bytes");
    }
    assert!(rig.received(1).is_empty());
}

#[test]
fn a_frame_for_all_goes_to_all_others_once() {
    let mut rig = Rig::new();
    let sent = frame(ALL, own(0), 60);
    rig.submit(0, Offload::default(), &sent);
    rig.driver.pump().unwrap();
    rig.driver.pump().unwrap();
    assert_eq!(
        (rig.received(1), rig.received(2)),
        (vec![sent.clone()], vec![sent.clone()])
    );
    assert_eq!(rig.sent(), [sent]);
    let answers: Vec<_> = rig
        .answers(0)
        .into_iter()
        .map(|(_, answer)| answer)
        .collect();
    assert_eq!(
        answers,
        [Answer::Sent],
        "and the sender gets its buffer back once"
    );
}

#[test]
fn what_comes_from_the_outside_goes_where_it_belongs() {
    let mut rig = Rig::new();
    let for_one = frame(own(1), OUTSIDE, 1514);
    rig.deliver(&for_one);
    assert_eq!(rig.received(1), [for_one]);
    assert!(rig.received(0).is_empty() && rig.received(2).is_empty());
    let for_all = frame(ALL, OUTSIDE, 60);
    rig.deliver(&for_all);
    for n in 0..CLIENTS {
        assert_eq!(rig.received(n), std::slice::from_ref(&for_all));
    }
    assert!(rig.sent().is_empty());
    assert_eq!(
        rig.fake.get().receive_buffers(),
        128,
        "the device has its buffers again"
    );
}

/// A burst for a client with few receive buffers, as after a blackout: nothing of it is lost, and it stays in order.
#[test]
fn a_frame_waits_for_room_at_its_receiver() {
    let mut rig = Rig::with(1, share, |_| ());
    let burst: Vec<_> = (0..5).map(|n| frame(own(1), own(0), 60 + n)).collect();
    for frame in &burst {
        rig.submit(0, Offload::default(), frame);
    }
    let outside = frame(own(1), OUTSIDE, 80);
    assert!(rig.fake.set().deliver([0; 10], &outside, 1));
    // Another client's frame for another client is not held up.
    assert_eq!(rig.send(2, &frame(own(0), own(2), 60)), Some(Answer::Sent));
    let mut seen = Vec::new();
    for _ in 0..10 {
        rig.driver.pump().unwrap();
        let answers = rig.answers(1);
        assert!(answers.len() <= 1, "there is one buffer");
        for (_, answer) in answers {
            let Answer::Received(len) = answer else {
                panic!("{answer:?}")
            };
            seen.push(len as usize - HEADER);
            let packet = Buffers::of(REGION).packet(Op::Receive, 0).unwrap();
            rig.clients[1].submit(&packet).unwrap();
        }
    }
    seen.retain(|len| *len != outside.len());
    assert_eq!(seen, [60, 61, 62, 63, 64]);
    let all_sent = rig
        .answers(0)
        .iter()
        .filter(|(_, a)| *a == Answer::Sent)
        .count();
    assert_eq!(all_sent, 5);
    assert_eq!(rig.fake.get().receive_buffers(), 128);
}

/// Two clients whose frames wait for each other's receive buffers, which lie behind these frames in their queues.
#[test]
fn two_clients_that_send_to_each_other_do_not_wait_for_ever() {
    let mut rig = Rig::with(1, share, |_| ());
    for _ in 0..3 {
        rig.submit(0, Offload::default(), &frame(own(1), own(0), 60));
        rig.submit(1, Offload::default(), &frame(own(0), own(1), 60));
    }
    for client in [0, 1] {
        for n in 1..3 {
            let packet = Buffers::of(REGION).packet(Op::Receive, n).unwrap();
            rig.clients[client].submit(&packet).unwrap();
        }
    }
    rig.driver.pump().unwrap();
    for client in [0, 1] {
        let answers: Vec<_> = rig.answers(client);
        let sent = answers.iter().filter(|(_, a)| *a == Answer::Sent).count();
        assert_eq!((sent, answers.len()), (3, 6));
    }
}

/// A client that gives no receive buffer back keeps the others' frames for two seconds, and only once.
#[test]
fn a_client_that_takes_nothing_holds_nobody_up_for_long() {
    let mut rig = Rig::with(1, share, |_| ());
    let to_one = frame(own(1), own(0), 60);
    assert_eq!(rig.send(0, &to_one), Some(Answer::Sent));
    assert_eq!(rig.send(0, &to_one), None);
    rig.deliver(&frame(own(1), OUTSIDE, 60));
    NOW.set(1);
    assert!(rig.driver.pump().is_ok() && rig.answers(0).is_empty());
    NOW.set(2);
    rig.driver.pump().unwrap();
    assert!(matches!(rig.answers(0)[..], [(_, Answer::Dropped)]));
    // From now on what is for it is dropped at once.
    assert_eq!(rig.send(0, &to_one), Some(Answer::Dropped));
    rig.deliver(&frame(own(1), OUTSIDE, 60));
    assert_eq!(rig.received(1).len(), 1);
    assert_eq!(rig.fake.get().receive_buffers(), 128);
    // Until it gives one back.
    let packet = Buffers::of(REGION).packet(Op::Receive, 0).unwrap();
    rig.clients[1].submit(&packet).unwrap();
    assert_eq!(rig.send(0, &to_one), Some(Answer::Sent));
    assert_eq!(rig.send(0, &to_one), None, "it waits again");
}

#[test]
fn a_client_that_is_pinned_sends_from_its_own_address_alone() {
    let mut rig = Rig::new();
    for source in [own(1), OUTSIDE, ALL] {
        assert_eq!(rig.send(0, &frame(ALL, source, 60)), Some(Answer::Dropped));
    }
    assert!(rig.received(1).is_empty() && rig.sent().is_empty());
    let free = |n| Share {
        pinned: n != 0,
        ..share(n)
    };
    let mut rig = Rig::with(15, free, |_| ());
    assert_eq!(rig.send(0, &frame(own(2), OUTSIDE, 60)), Some(Answer::Sent));
    let stolen = rig.send(0, &frame(own(2), own(1), 60));
    assert_eq!(stolen, Some(Answer::Dropped), "another's is never taken");
}

#[test]
fn what_is_too_long_goes_nowhere() {
    let mut rig = Rig::new();
    let sent = rig.send(0, &frame(ALL, own(0), 1519));
    assert_eq!(sent, Some(Answer::Dropped));
    assert!(rig.sent().is_empty() && rig.received(1).is_empty());
}

#[test]
fn isolated_clients_reach_the_outside_and_not_each_other() {
    let isolated = |n| Share {
        isolated: n < 2,
        ..share(n)
    };
    let mut rig = Rig::with(15, isolated, |_| ());
    assert_eq!(
        rig.send(0, &frame(own(1), own(0), 60)),
        Some(Answer::Dropped)
    );
    assert_eq!(rig.send(0, &frame(own(2), own(0), 60)), Some(Answer::Sent));
    rig.send(0, &frame(ALL, own(0), 60));
    assert!(rig.received(1).is_empty());
    assert_eq!((rig.received(2).len(), rig.sent().len()), (2, 1));
}

#[test]
fn a_driver_that_quiesces_takes_nothing_more_and_passes_on_what_has_arrived() {
    let mut rig = Rig::new();
    rig.fake.set().prompt = false;
    rig.deliver(&frame(own(1), OUTSIDE, 60));
    let token = rig.submit(0, Offload::default(), &frame(OUTSIDE, own(0), 60));
    rig.driver.pump().unwrap();
    rig.driver.set_taking(false);
    rig.submit(0, Offload::default(), &frame(own(1), own(0), 60));
    assert!(
        rig.fake
            .set()
            .deliver([0; 10], &frame(own(2), OUTSIDE, 60), 1)
    );
    let progress = rig.driver.pump().unwrap();
    assert_eq!((progress.submitted, progress.completed), (0, 1));
    assert_eq!(rig.received(2).len(), 1);
    assert_eq!(rig.driver.in_flight(), 1);
    let mut state = rig.fake.set();
    let head = state.pending.pop_front().unwrap();
    state.push(1, head, 0);
    drop(state);
    rig.driver.interrupt().unwrap();
    assert_eq!(
        (rig.driver.in_flight(), rig.answers(0)),
        (0, vec![(token, Answer::Sent)])
    );
    assert_eq!(rig.received(1).len(), 1, "and not what is for it since");
}

#[test]
fn over_a_swap_no_frame_is_sent_twice_and_each_receive_buffer_is_given_back_once() {
    let mut rig = Rig::new();
    rig.fake.set().prompt = false;
    rig.submit(0, Offload::default(), &frame(OUTSIDE, own(0), 60));
    rig.deliver(&frame(own(0), OUTSIDE, 61));
    assert_eq!(rig.sent().len(), 1);
    assert_eq!(rig.received(0).len(), 1);
    // The old one misses its deadline: the device still has the frame.
    rig.swap();
    rig.fake.set().prompt = true;
    rig.driver.pump().unwrap();
    assert_eq!(rig.sent().len(), 1, "not again");
    for n in 0..20 {
        rig.deliver(&frame(own(0), OUTSIDE, 70 + n));
    }
    let mut buffers: Vec<u64> = rig
        .answers(0)
        .iter()
        .map(|(token, _)| token.serial())
        .collect();
    assert_eq!(buffers.len(), 14, "one of fifteen was filled before");
    buffers.dedup();
    assert_eq!(buffers.len(), 14);
}

#[test]
fn a_client_that_breaks_the_rules_is_not_served_and_the_others_are() {
    let outside = |packet: &mut Packet| packet.offset = (REGION - 8) as u64;
    let over_the_ring = |packet: &mut Packet| packet.offset = 64;
    for change in [outside, over_the_ring] {
        let mut rig = Rig::new();
        let mut packet = Buffers::of(REGION).packet(Op::Send, 0).unwrap();
        packet.len = 100;
        change(&mut packet);
        rig.clients[0].submit(&packet).unwrap();
        assert_eq!(rig.send(0, &frame(own(1), own(0), 60)), None);
        assert_eq!(rig.send(2, &frame(own(1), own(2), 60)), Some(Answer::Sent));
    }
    let mut rig = Rig::new();
    rig.regions[0][layout::SUBMITTED].fetch_add(100, Ordering::Relaxed);
    assert_eq!(rig.send(2, &frame(own(1), own(2), 60)), Some(Answer::Sent));
    assert_eq!(rig.received(1).len(), 1);
}

#[test]
fn the_clients_are_told_of_the_link() {
    let mut rig = Rig::new();
    let link = |rig: &Rig| rig.clients[0].properties().unwrap().link;
    assert!(link(&rig));
    let mut state = rig.fake.set();
    (state.link, state.isr) = (0, 2);
    drop(state);
    assert_eq!(rig.driver.interrupt().unwrap().notify, 0b111);
    assert!(!link(&rig));
}
