// SPDX-License-Identifier: BSD-2-Clause
//! The driver with clients and a device, which may misbehave.

use std::sync::atomic::{AtomicU64, Ordering};

use molt_entropy_queue::{Answer, Client as Queue, MAX, Request, Server, Token, layout};
use molt_shared::Memory;
use molt_virtio::{Error as Virtio, QUEUE_BYTES};

use crate::fake::{Fake, RAM, RING};
use crate::{Client, Driver, Error, Region, Rng, Service};

/// Bytes of each client's memory, one behind the other.
const ROOM: u64 = 0x2000;

fn words(bytes: usize) -> &'static [AtomicU64] {
    let words = bytes / 8;
    (0..words)
        .map(|_| AtomicU64::new(0))
        .collect::<Vec<_>>()
        .leak()
}

/// A device, its driver of generation 0, and two clients.
struct Rig {
    fake: Fake,
    ring: Region<'static>,
    regions: [&'static [AtomicU64]; 2],
    clients: [Queue<'static>; 2],
    driver: Driver<'static, Fake>,
}

impl Rig {
    fn new(depth: usize) -> Self {
        let memory = words(QUEUE_BYTES);
        let fake = Fake::new(Memory::of(memory));
        let ring = Region::new(memory, RING);
        let regions = [(); 2].map(|()| words(8 * layout::words::<Request>()));
        let mut clients = regions.map(Queue::new);
        clients.iter_mut().for_each(|client| client.resume(0));
        let driver = driver(&fake, ring, regions, 0, depth);
        Self {
            fake,
            ring,
            regions,
            clients,
            driver,
        }
    }

    fn ask(&mut self, client: usize, offset: u64, len: u32) -> Token {
        let request = Request { offset, len };
        self.clients[client].submit(&request).unwrap()
    }

    fn answer(&mut self, client: usize) -> Option<(Token, Answer)> {
        self.clients[client]
            .poll()
            .map(|answer| answer.expect("the driver keeps to the protocol"))
    }
}

fn driver(
    fake: &Fake,
    ring: Region<'static>,
    regions: [&'static [AtomicU64]; 2],
    generation: u64,
    depth: usize,
) -> Driver<'static, Fake> {
    let device = Rng::start(fake.clone(), None, ring).unwrap();
    let mut driver = Driver::new(device, depth);
    for (region, n) in regions.into_iter().zip(0..) {
        let queue = Server::new(region, generation);
        let memory = (RAM + n * ROOM, ROOM);
        driver.attach(Client::new(queue, memory)).unwrap();
    }
    driver
}

#[test]
fn each_client_has_its_own_memory_filled_and_is_told_how_far() {
    let mut rig = Rig::new(8);
    let first = rig.ask(0, 0x10, 8);
    let second = rig.ask(1, 0x1ff8, 8);
    let progress = rig.driver.pump().unwrap();
    assert_eq!((progress.submitted, progress.completed), (2, 2));
    assert_eq!((progress.errors, progress.notify), (0, 3));
    assert_eq!(rig.answer(0), Some((first, Answer::Filled(8))));
    assert_eq!(rig.answer(1), Some((second, Answer::Filled(8))));
    let state = rig.fake.get();
    let written = (state.ram.iter().enumerate()).filter(|(_, byte)| **byte != 0);
    let written: Vec<usize> = written.map(|(at, _)| at).collect();
    let own = |start: usize| start..start + 8;
    assert_eq!(
        written,
        own(0x10).chain(own(0x3ff8)).collect::<Vec<_>>(),
        "and nothing else"
    );
    assert_eq!(state.accepted, state.offered & !(1 << 28));
}

#[test]
fn a_device_may_write_less_than_was_asked_for() {
    let mut rig = Rig::new(8);
    rig.fake.set().prompt = false;
    rig.ask(0, 0, MAX);
    rig.driver.pump().unwrap();
    rig.fake.set().fill(1);
    assert_eq!(rig.driver.interrupt().unwrap().completed, 1);
    assert_eq!(
        rig.answer(0).map(|(_, answer)| answer),
        Some(Answer::Filled(1))
    );
}

/// Also with one request at a time: what a client asked for while the device was busy is not forgotten.
#[test]
fn clients_take_turns_and_none_waits_for_ever() {
    for depth in [1, 3, 8] {
        let mut rig = Rig::new(depth);
        for n in 0..20 {
            rig.ask(0, 8 * n, 8);
            rig.ask(1, 8 * n, 8);
        }
        let progress = rig.driver.pump().unwrap();
        assert!(!progress.more);
        assert_eq!(progress.completed, 40, "depth {depth}");
        rig.fake.set().prompt = false;
        rig.ask(0, 0, 8);
        rig.ask(0, 8, 8);
        rig.ask(1, 0, 8);
        rig.driver.pump().unwrap();
        let taken = rig.fake.get().pending.len();
        assert_eq!((taken, rig.driver.in_flight()), (depth.min(3), taken));
        // One after the other, each interrupted for.
        for _ in 0..3 {
            rig.fake.set().fill(u32::MAX);
            rig.driver.interrupt().unwrap();
            rig.driver.pump().unwrap();
        }
        assert_eq!(rig.driver.in_flight(), 0);
        let completed = [0, 1].map(|n| std::iter::from_fn(|| rig.answer(n)).count());
        assert_eq!(completed, [22, 21]);
    }
}

#[test]
fn a_driver_that_quiesces_takes_nothing_and_finishes_what_it_has() {
    let mut rig = Rig::new(8);
    rig.fake.set().prompt = false;
    rig.ask(0, 0, 8);
    rig.driver.pump().unwrap();
    rig.ask(0, 8, 8);
    rig.driver.set_taking(false);
    assert_eq!(rig.driver.pump().unwrap().submitted, 0);
    assert_eq!(rig.driver.in_flight(), 1);
    rig.fake.set().fill(8);
    assert_eq!(rig.driver.interrupt().unwrap().completed, 1);
    assert_eq!(rig.driver.in_flight(), 0);
}

#[test]
fn what_a_generation_leaves_behind_is_its_successor_s() {
    let mut rig = Rig::new(8);
    rig.fake.set().prompt = false;
    let owed = rig.ask(0, 0, 8);
    rig.driver.pump().unwrap();
    // The old one misses its deadline: `update` resets the device and the queue is written anew.
    rig.clients.iter_mut().for_each(|client| {
        client.close();
        client.resume(1);
    });
    rig.fake.set().prompt = true;
    rig.driver = driver(&rig.fake, rig.ring, rig.regions, 1, 8);
    assert_eq!(rig.driver.pump().unwrap().completed, 1);
    assert_eq!(rig.answer(0), Some((owed, Answer::Filled(8))));
    assert_eq!(rig.answer(0), None, "once");
}

#[test]
fn a_client_that_asks_for_bytes_outside_its_memory_is_not_served_and_the_others_are() {
    for (offset, len) in [(ROOM, 1), (ROOM - 1, 2), (u64::MAX - 8, 8), (1 << 40, 64)] {
        let mut rig = Rig::new(8);
        rig.ask(0, offset, len);
        rig.ask(0, 0, 8);
        let honest = rig.ask(1, 0, 8);
        assert_eq!(rig.driver.pump().unwrap().completed, 1);
        assert_eq!(rig.answer(0), None);
        assert_eq!(rig.answer(1), Some((honest, Answer::Filled(8))));
        assert!(rig.fake.get().ram[..ROOM as usize].iter().all(|b| *b == 0));
    }
}

#[test]
fn a_client_that_breaks_the_protocol_is_not_served_and_the_others_are() {
    let mut rig = Rig::new(8);
    rig.ask(0, 0, 8);
    let honest = rig.ask(1, 0, 8);
    rig.regions[0][layout::SUBMITTED].fetch_add(100, Ordering::Relaxed);
    assert_eq!(rig.driver.pump().unwrap().completed, 1);
    assert_eq!(rig.answer(1), Some((honest, Answer::Filled(8))));
}

/// The driver's error after the device has reported something about its one request, of 8 bytes.
fn said(device: impl Fn(&mut crate::fake::State)) -> Error {
    let mut rig = Rig::new(8);
    rig.fake.set().prompt = false;
    rig.ask(0, 0, 8);
    rig.driver.pump().unwrap();
    device(&mut rig.fake.set());
    let error = rig.driver.interrupt().unwrap_err();
    assert_eq!(rig.answer(0), None, "nothing is passed on");
    error
}

#[test]
fn a_device_is_not_believed() {
    let used = |id, written| said(move |device| device.push(id, written));
    let length = |n| Error::Device(Virtio::UsedLength(n));
    assert_eq!(used(0, 9), length(9), "more than was asked for");
    assert_eq!(used(0, u32::MAX), length(u32::MAX));
    assert_eq!(used(0, 0), length(0), "nothing at all (5.4.6.2)");
    assert_eq!(used(1, 8), Error::Device(Virtio::UsedId(1)), "not given");
    assert_eq!(used(8, 8), Error::Device(Virtio::UsedId(8)), "no such");
    assert_eq!(
        said(|device| device.move_used(2)),
        Error::Device(Virtio::UsedIndex(2))
    );
    let twice = said(|device| {
        device.push(0, 8);
        device.push(0, 8);
    });
    assert_eq!(twice, Error::Device(Virtio::UsedIndex(2)));
    let broken = said(|device| {
        device.isr = 2;
        device.status |= 64;
    });
    assert_eq!(broken, Error::Device(Virtio::NeedsReset));
}

#[test]
fn another_device_is_refused() {
    let memory = words(QUEUE_BYTES);
    let start = |change: fn(&mut crate::fake::State)| {
        let fake = Fake::new(Memory::of(memory));
        change(&mut fake.set());
        let ring = Region::new(memory, RING);
        Rng::start(fake, None, ring).map(drop).unwrap_err()
    };
    assert_eq!(start(|device| device.id = 2), Virtio::DeviceId(2));
    assert_eq!(start(|device| device.offered = 0), Virtio::Features);
    assert_eq!(start(|device| device.queue_max = 0), Virtio::Queue);
    let fake = Fake::new(Memory::of(memory));
    let short = Region::new(&memory[..8], RING);
    assert_eq!(Rng::start(fake, None, short).map(drop), Err(Virtio::Memory));
}
